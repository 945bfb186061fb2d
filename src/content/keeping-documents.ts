import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { digestOf, hexOf } from '../lib/digest.ts';
import { readFileWithin } from '../lib/read-file-within.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { maxMetadataBytes } from '../oci/manifest.ts';
import { readBytes } from './read-manifest.ts';
import { canResolveElsewhere, type IoOptions, type Store } from './store.ts';

/**
 * `store` for whoever reads an image's documents from it: manifests, indexes and configs are kept in `directory` by digest, so that the store is asked for what a name
 * leads to and for no document twice. What is kept is held to its digest; what cannot be kept or read there is fetched anew. Layers are not to be read through this.
 */
export function keepingDocuments(store: Store, directory: string): Store {
  return {
    async fetch(descriptor, options = {}) {
      const { digest, size } = descriptor;
      if (!digest.startsWith('sha256:') || size > maxMetadataBytes)
        return await store.fetch(descriptor, options);
      return Readable.from([await readKept(store, descriptor, directory, options)]);
    },
    resolve: (reference, options) => store.resolve(reference, options),
    exists: (descriptor, options) => store.exists(descriptor, options),
    push: (descriptor, content, options) => store.push(descriptor, content, options),
    tag: (descriptor, reference, options) => store.tag(descriptor, reference, options),
    ...(canResolveElsewhere(store) && {
      resolveElsewhere: (descriptor: Descriptor, reason: string, options?: IoOptions) =>
        store.resolveElsewhere(descriptor, reason, options),
    }),
  };
}

async function readKept(
  store: Store,
  descriptor: Descriptor,
  directory: string,
  options: IoOptions,
): Promise<Buffer> {
  const path = join(directory, `${hexOf(descriptor.digest)}.json`);
  const kept = await readFileWithin(path, maxMetadataBytes).catch(() => undefined);
  if (kept?.length === descriptor.size && digestOf(kept) === descriptor.digest) return kept;
  const bytes = await readBytes(store, descriptor, options);
  try {
    mkdirSync(directory, { recursive: true });
    await writeFileAtomic(path, bytes, { sync: false });
  } catch {
    // Nothing is kept where nothing can be written.
  }
  return bytes;
}
