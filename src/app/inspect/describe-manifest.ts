import { readImageConfig } from '../../content/read-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { InspectedLayer, InspectedManifest } from './inspected.ts';

/** Config and layers together: what a pull downloads. */
export function transferSize(manifest: Manifest): number {
  return manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size);
}

/** Whether a manifest is an image's, not an artifact's: its config is one. */
export function isImageManifest({ artifactType, config }: Manifest): boolean {
  return (
    artifactType === undefined && /\.(?:image\.config|container\.image)\.v1\+json$/.test(config.mediaType)
  );
}

export async function describeManifest(
  store: Store,
  manifest: Manifest,
  options: IoOptions,
): Promise<Omit<InspectedManifest, 'kind' | 'reference' | 'mediaType' | 'digest'>> {
  const { config, layers, artifactType, annotations, subject } = manifest;
  return {
    size: transferSize(manifest),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject: subject.digest }),
    ...(annotations === undefined ? {} : { annotations }),
    config: brief(config),
    layers: layers.map(brief),
    ...(isImageManifest(manifest) ? { image: await describeImage(store, config, options) } : {}),
  };
}

function brief({ digest, mediaType, size, annotations }: Descriptor): InspectedLayer {
  return { digest, mediaType, size, ...(annotations === undefined ? {} : { annotations }) };
}

async function describeImage(
  store: Store,
  config: Descriptor,
  options: IoOptions,
): Promise<NonNullable<InspectedManifest['image']>> {
  const image = await readImageConfig(store, config, options);
  const { created, author } = image;
  const version = image['os.version'];
  return {
    platform: formatPlatform(image),
    ...(typeof version === 'string' ? { osVersion: version } : {}),
    ...(typeof created === 'string' ? { created } : {}),
    ...(typeof author === 'string' ? { author } : {}),
    config: image.config ?? {},
    history: Array.isArray(image.history) ? image.history : [],
  };
}
