import { readImageConfig, readManifest } from '../content/read-manifest.ts';
import type { IoOptions, Store } from '../content/store.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor, Layer } from '../oci/descriptor.ts';
import type { ImageConfig } from '../oci/manifest.ts';

/** One platform's config, and its layers with the diffIDs that the config has for them. CONTENT_INVALID when the two do not fit. */
export async function readImageLayers(
  store: Store,
  manifest: Descriptor,
  options: IoOptions,
): Promise<{ config: ImageConfig; layers: Layer[] }> {
  const { config: configDescriptor, layers: descriptors } = await readManifest(store, manifest, options);
  const config = await readImageConfig(store, configDescriptor, options);
  const diffIds = config.rootfs.diff_ids;
  const layers = descriptors.flatMap((descriptor, position): Layer[] => {
    const diffId = diffIds[position];
    return diffId === undefined ? [] : [{ descriptor, diffId }];
  });
  if (layers.length !== diffIds.length || layers.length !== descriptors.length) {
    const what = `its config names ${diffIds.length} layers, its manifest ${descriptors.length}`;
    throw failure('CONTENT_INVALID', 'use image', manifest.digest, what);
  }
  return { config, layers };
}
