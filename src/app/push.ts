import type { Digest } from '../lib/digest.ts';
import { failure, isFailure } from '../lib/errors.ts';
import { formatLocation, type Location, type NamedLocation, parseLocation } from '../oci/location.ts';
import { familiarReference, withDefaultTag } from '../oci/reference.ts';
import { checkTarget } from './check-target.ts';
import { type CopyImageEvent, copyLocations } from './copy/copy.ts';
import type { RegistrySettings } from './registry-settings.ts';
import { openStore } from './stores.ts';

export type PushEvent = CopyImageEvent;

export interface PushOptions {
  readonly registry?: RegistrySettings | undefined;
  /** What refers to the image comes along. Default true. */
  readonly referrers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface PushResult {
  /** What was pushed; without `local:`, which is meant. */
  readonly source: string;
  /** Where it is now. */
  readonly target: string;
  readonly digest: Digest;
  readonly mediaType: string;
}

/**
 * Copies an image of the local store, or behind another transport, to a registry with every platform: under its own name, or under `target`.
 */
export async function push(
  source: string,
  target: string | undefined,
  options: PushOptions = {},
): Promise<PushResult> {
  const from = parseLocation(source, { transport: 'local' });
  if (from.transport === 'docker') {
    throw failure('UNSUPPORTED', 'push', source, 'it is in a registry already', {
      hint: 'polyarch copy copies between registries; an image of the local store has no docker:// in front',
    });
  }
  const to = parseLocation(target ?? ownName(from, source));
  if (to.transport !== 'docker') {
    throw failure('UNSUPPORTED', 'push to', target ?? '', 'push writes to a registry', {
      hint: 'name a registry: localhost:5000/NAME:TAG',
    });
  }
  checkTarget(to.reference, target ?? source, 'push to');
  const { registry, referrers, signal, onEvent, env } = options;
  const request = { sourceRegistry: registry, targetRegistry: registry, referrers, signal, onEvent, env };
  if (from.transport === 'local') await checkBuilt(from, options);
  const copied = await copyLocations(from, [to], request);
  return {
    source:
      from.transport === 'local' ? familiarReference(withDefaultTag(from.reference)) : formatLocation(from),
    target: familiarReference(withDefaultTag(to.reference)),
    digest: copied.digest,
    mediaType: copied.mediaType,
  };
}

/** An archive or layout has names that need be no registry's. */
function ownName(from: Location, source: string): string {
  if ('reference' in from && from.reference !== undefined) return familiarReference(from.reference);
  if (from.transport === 'docker-daemon' && typeof from.image !== 'string')
    return familiarReference(from.image);
  throw failure('USAGE', 'push', source, 'it has no name that could be a registry’s', {
    hint: `polyarch push ${source} REGISTRY/NAME:TAG`,
  });
}

/** NOT_FOUND with what to type next; found later, it would read as if the registry lacked something. */
async function checkBuilt(from: NamedLocation, options: PushOptions): Promise<void> {
  try {
    const { store, reference } = await openStore(from, { env: options.env });
    await store.resolve(reference, { signal: options.signal });
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND')) throw error;
    const name = familiarReference(from.reference);
    throw failure('NOT_FOUND', 'push', name, 'the local store has no such image', {
      hint: `polyarch build -t ${name} . makes it`,
      cause: error,
    });
  }
}
