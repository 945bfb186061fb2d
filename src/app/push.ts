import type { Digest } from '../lib/digest.ts';
import { failure, isFailure } from '../lib/errors.ts';
import { parseLocation } from '../oci/location.ts';
import { familiarReference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import { type CopyEvent, copyGraph } from '../transfer/copy-graph.ts';
import { checkTarget } from './checked-target.ts';
import type { RegistrySettings } from './registry-settings.ts';
import { createRegistryClient, openStore } from './stores.ts';

export type PushEvent = CopyEvent | RegistryEvent;

export interface PushOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface PushResult {
  /** What was pushed, as `local:` has it. */
  readonly source: string;
  /** Where it is now. */
  readonly target: string;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** Copies an image of the local store, every platform of it, to a registry: under its own name, or under `target`. */
export async function push(
  source: string,
  target: string | undefined,
  options: PushOptions = {},
): Promise<PushResult> {
  const { signal, onEvent, env } = options;
  const from = parseLocation(source, { transport: 'local' });
  if (from.transport !== 'local') {
    throw failure('UNSUPPORTED', 'push', source, 'push reads the local store', {
      hint: 'leave docker:// away, and build the image first',
    });
  }
  const to = parseLocation(target ?? familiarReference(from.reference));
  if (to.transport !== 'docker') {
    throw failure('UNSUPPORTED', 'push to', target ?? '', 'push writes to a registry', {
      hint: 'name a registry: localhost:5000/NAME:TAG',
    });
  }
  checkTarget(to.reference, target ?? source, 'push to');
  const client = await createRegistryClient({ onEvent, env, registry: options.registry });
  try {
    const opened = await openStore(from, { env });
    const root = await opened.store.resolve(opened.reference, { signal }).catch((error: unknown) => {
      if (!isFailure(error, 'NOT_FOUND')) throw error;
      throw failure(
        'NOT_FOUND',
        'push',
        familiarReference(from.reference),
        'the local store has no such image',
        {
          hint: `polyarch build -t ${familiarReference(from.reference)} . makes it`,
          cause: error,
        },
      );
    });
    if (to.reference.digest !== undefined && to.reference.digest !== root.digest) {
      throw failure(
        'USAGE',
        'push to',
        familiarReference(to.reference),
        `the image's digest is ${root.digest}`,
      );
    }
    const remote = await openStore(to, { client, create: true });
    const tag = to.reference.digest === undefined ? remote.reference : to.reference.tag;
    await copyGraph(opened.store, remote.store, root, { signal, onEvent, tag });
    return {
      source: familiarReference(withDefaultTag(from.reference)),
      target: familiarReference(withDefaultTag(to.reference)),
      digest: root.digest,
      mediaType: root.mediaType,
    };
  } finally {
    client.close();
  }
}
