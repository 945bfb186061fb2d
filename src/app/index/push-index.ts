import { parseDocument } from '../../content/document.ts';
import { resolveDocument } from '../../content/read-manifest.ts';
import { draftOf } from '../../index/index-draft.ts';
import { expectReference, publishIndex } from '../../index/publish-index.ts';
import { checkRequirements } from '../../index/requirements.ts';
import { targetsOf } from '../../index/update-index.ts';
import { failure } from '../../lib/errors.ts';
import { parseLocation } from '../../oci/location.ts';
import type { ChangeIndexOptions } from './change-index.ts';
import { parseExpected, parseRequirements } from './index-options.ts';
import { IndexStores } from './index-stores.ts';
import { type WrittenIndex, writtenEntries } from './written-index.ts';

export interface PushIndexOptions extends Omit<ChangeIndexOptions, 'target'> {
  /** A name without a transport is the local store's. */
  readonly source: string;
  /** Default: the source's own name, in its registry. */
  readonly target?: string | undefined;
}

/** Publishes an index that was put together elsewhere, its bytes unchanged: children first, names last. */
export async function pushIndex(options: PushIndexOptions): Promise<WrittenIndex> {
  const { signal, onEvent, dryRun } = options;
  const expect = parseExpected(options.expect);
  const requirements = parseRequirements(options);
  const location = parseLocation(options.source, { transport: 'local' });
  const named = location.transport === 'local' ? options.source.replace(/^local:/, '') : undefined;
  const target = options.target ?? named;
  if (target === undefined) {
    throw failure('USAGE', 'push', options.source, 'it does not say where to', {
      hint: `polyarch index push ${options.source} REGISTRY/REPOSITORY:TAG`,
    });
  }
  const stores = new IndexStores(options);
  try {
    const source = await stores.source(location);
    const targets = await stores.targets([target, ...(options.tags ?? [])], { dryRun });
    const [first] = targets;
    if (expect !== undefined && first !== undefined) await expectReference(first, expect, { signal });
    const document = await resolveDocument(source.store, source.reference, { signal });
    const parsed = parseDocument(document.bytes, source.name);
    if (parsed.kind !== 'index') {
      throw failure('USAGE', 'push', source.name, 'it is one image, not an index', {
        hint: `polyarch push ${options.source} pushes it; polyarch index create makes an index of it`,
      });
    }
    const draft = draftOf(parsed.index, document.descriptor.mediaType);
    checkRequirements(target, draft, requirements);
    const children = draft.entries.map((descriptor) => ({
      descriptor,
      source: source.name,
      store: source.store,
      read: false,
    }));
    if (!dryRun) await publishIndex(document, children, targetsOf(targets), { signal, onEvent, expect });
    const { mediaType, digest, size } = document.descriptor;
    return {
      references: targets.map(({ name }) => name),
      mediaType,
      digest,
      size,
      bytes: document.bytes,
      entries: writtenEntries(draft),
      warnings: [],
    };
  } finally {
    await stores.close();
  }
}
