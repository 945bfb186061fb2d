import { readManifest } from '../../../content/read-manifest.ts';
import type { IoOptions, Store } from '../../../content/store.ts';
import { type CarriedMount, mountsOf } from './mounts-manifest.ts';

/** What `reference` has in a store. NOT_FOUND, CONTENT_INVALID, LIMIT. */
export async function readMounts(
  store: Store,
  reference: string,
  options: IoOptions,
): Promise<CarriedMount[]> {
  const manifest = await readManifest(store, await store.resolve(reference, options), options);
  return mountsOf(manifest, reference);
}
