import { contentFromBytes } from '../../content/content.ts';
import { readImageConfig, readManifest } from '../../content/read-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { ImageConfig, Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

/** One platform's image as the two documents that say what it is. Fields that nobody here knows are kept. */
export interface ImageDocuments {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/** CONTENT_INVALID when it is no image: an artifact has no config that could be changed. */
export async function readImage(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<ImageDocuments> {
  const manifest = await readManifest(store, descriptor, options);
  return { manifest, config: await readImageConfig(store, manifest.config, options) };
}

/** How documents are put into bytes. */
export interface DocumentLayout {
  readonly config: (config: ImageConfig) => string;
  readonly manifest: (manifest: Manifest) => string;
}

const ownLayout: DocumentLayout = {
  config: (config) => JSON.stringify(config),
  manifest: (manifest) => JSON.stringify(manifest, null, 2),
};

/** The bytes of both: the manifest names the config as it is now. */
export function renderImage(
  image: ImageDocuments,
  layout: DocumentLayout = ownLayout,
): { config: ResolvedDocument; manifest: ResolvedDocument } {
  const { manifest } = image;
  const bytes = Buffer.from(layout.config(image.config));
  const config = { ...manifest.config, digest: digestOf(bytes), size: bytes.length };
  // Bytes that went along with the old descriptor are not those of this one.
  const { data: _stale, ...descriptor } = config;
  const mediaType = manifest.mediaType ?? mediaTypes.ociManifest;
  const manifestBytes = Buffer.from(layout.manifest({ ...manifest, config: descriptor }));
  return {
    config: { descriptor, bytes },
    manifest: {
      descriptor: { mediaType, digest: digestOf(manifestBytes), size: manifestBytes.length },
      bytes: manifestBytes,
    },
  };
}

/** Puts both documents into a store, the config first. The layers must be there, or come before anybody asks. */
export async function pushImage(
  store: Store,
  image: ImageDocuments,
  options: IoOptions & { layout?: DocumentLayout | undefined } = {},
): Promise<Descriptor> {
  const { config, manifest } = renderImage(image, options.layout);
  await store.push(config.descriptor, contentFromBytes(config.bytes), options);
  await store.push(manifest.descriptor, contentFromBytes(manifest.bytes), options);
  return manifest.descriptor;
}
