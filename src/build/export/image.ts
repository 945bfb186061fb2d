import { contentFromBytes } from '../../content/content.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import { digestOfValue } from '../../lib/canonical-json.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { ImagePlan } from '../graph/image-plan.ts';
import { type ImageLayers, imageConfig, imageIndex, imageManifest } from './image-documents.ts';

/** When an image of equal content was first made: what makes a repeat on one machine the same bit for bit. */
export interface ImageRecord {
  readonly created: number;
}

/** Remembers image records by key. */
export interface ImageRecords {
  get(key: string): Promise<ImageRecord | undefined>;
  set(key: string, record: ImageRecord): Promise<void>;
}

export interface ExportOptions extends IoOptions {
  /** SOURCE_DATE_EPOCH, seconds. */
  epoch?: number | undefined;
  records: ImageRecords;
  /** Seconds since 1970. */
  now: number;
}

async function pushDocument(
  store: Store,
  mediaType: string,
  value: unknown,
  options: IoOptions,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes), options);
  return descriptor;
}

/** Writes config and manifest of one platform into the store; the layers' blobs need not be there. */
export async function exportImage(
  store: Store,
  plan: ImagePlan,
  image: ImageLayers,
  options: ExportOptions,
): Promise<Descriptor> {
  const key = digestOfValue({
    timeless: imageConfig(plan, { ...image, created: [] }, 0),
    created: image.created,
  });
  const known = await options.records.get(key);
  const created = known?.created ?? options.now;
  const config = await pushDocument(
    store,
    mediaTypes.ociConfig,
    imageConfig(plan, image, created, options),
    options,
  );
  const manifest = await pushDocument(
    store,
    mediaTypes.ociManifest,
    imageManifest(config, image.layers),
    options,
  );
  if (known === undefined) await options.records.set(key, { created });
  return { ...manifest, platform: plan.target };
}

/** Without `index` the one manifest itself, which every consumer takes; else an index, in the order given. */
export async function exportRoot(
  store: Store,
  manifests: readonly Descriptor[],
  options: IoOptions & { readonly index: boolean },
): Promise<Descriptor> {
  const [only] = manifests;
  if (only !== undefined && !options.index) return only;
  return await pushDocument(store, mediaTypes.ociIndex, imageIndex(manifests), options);
}
