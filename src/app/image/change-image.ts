import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentFromFile } from '../../content/content.ts';
import type { Store } from '../../content/store.ts';
import {
  type DocumentLayout,
  type ImageDocuments,
  pushImage,
  readImage,
  renderImage,
} from '../../index/image/image-documents.ts';
import { layerFor } from '../../index/image/layer-types.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { asGo, craneConfig, craneManifest, goJson } from '../../oci/go-types.ts';
import { formatLocation, type Location } from '../../oci/location.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { hostPlatform } from '../../oci/platform.ts';
import { copyGraph } from '../../transfer/copy-graph.ts';
import { type InspectOptions, imageOf, type Root, withRoot } from '../inspect/open-root.ts';
import { openTarget } from '../open-target.ts';
import { createRegistryClient } from '../stores.ts';
import { type FileLayer, layerFromFile } from './layer-from-file.ts';

/** An image that is being changed: its documents, and where layers that it did not have are. */
export interface ChangedImage {
  readonly documents: ImageDocuments;
  /** Layers of other images, with the stores that have them. */
  readonly others?: readonly { readonly store: Store; readonly layers: readonly Descriptor[] }[];
}

export interface ChangeImageOptions extends InspectOptions {
  /** Tars to put on top, in this order. */
  readonly append?: readonly string[] | undefined;
}

/** One platform's image as it is found. */
export interface FoundImage {
  readonly documents: ImageDocuments;
  /** What the reference itself stands for, an index perhaps. */
  readonly named: Root;
}

/**
 * Makes another image out of one: its documents are changed, tars appended, layers that the target lacks brought there. `base` undefined is an
 * image without anything, of the family that `change` gets. Gives the new manifest's descriptor, by which it is in the target; the name
 * comes last.
 */
export async function changeImage(
  base: string | { empty: 'docker' | 'oci' },
  target: (descriptor: Descriptor) => Location,
  change: (found: FoundImage | undefined, documents: ImageDocuments) => Promise<ChangedImage> | ChangedImage,
  options: ChangeImageOptions = {},
): Promise<Descriptor> {
  const scratch = await mkdtemp(join(tmpdir(), 'polyarch-append-'));
  try {
    const appended: FileLayer[] = [];
    for (const path of options.append ?? []) appended.push(await layerFromFile(path, scratch, options));
    if (typeof base !== 'string') {
      const changed = await change(undefined, emptyImage(base.empty));
      return await write(undefined, changed, appended, target, options);
    }
    return await withRoot(base, options, async (named) => {
      const root = await imageOf(named, options);
      const documents = await readImage(root.store, root.descriptor, options);
      const changed = await change({ documents, named }, documents);
      return await write(root.store, changed, appended, target, options);
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** go-containerregistry's: the same changes give the same bytes, and so the same digests, as crane's. */
const craneLayout: DocumentLayout = {
  config: (config) => goJson(asGo({ ...config, created: config.created ?? noTime }, craneConfig)),
  manifest: (manifest) => goJson(asGo(manifest, craneManifest)),
};

/** go-containerregistry's `empty.Image`. */
function emptyImage(family: 'docker' | 'oci'): ImageDocuments {
  const docker = family === 'docker';
  const config = { mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig, size: 0 };
  return {
    manifest: {
      schemaVersion: 2,
      mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
      config: { ...config, digest: `sha256:${'0'.repeat(64)}` },
      layers: [],
    },
    config: { architecture: '', os: '', config: {}, rootfs: { type: 'layers', diff_ids: [] }, history: [] },
  };
}

/** Go's zero time, which go-containerregistry writes where nothing is known. */
const noTime = '0001-01-01T00:00:00Z';
const appendedHistory = { created: noTime };

function withLayers({ manifest, config }: ImageDocuments, appended: readonly FileLayer[]): ImageDocuments {
  if (appended.length === 0) return { manifest, config };
  if (config.os === 'windows') {
    throw failure(
      'UNSUPPORTED',
      'append to',
      manifest.config.digest,
      'a Windows image: its layers have another shape',
    );
  }
  const layers = appended.map((layer) => layerFor(manifest, layer.descriptor));
  return {
    manifest: { ...manifest, layers: [...manifest.layers, ...layers] },
    config: {
      ...config,
      rootfs: {
        ...config.rootfs,
        diff_ids: [...config.rootfs.diff_ids, ...appended.map((layer) => layer.diffId)],
      },
      history: [...(config.history ?? []), ...appended.map(() => appendedHistory)],
    },
  };
}

async function write(
  source: Store | undefined,
  { documents, others = [] }: ChangedImage,
  appended: readonly FileLayer[],
  target: (descriptor: Descriptor) => Location,
  options: ChangeImageOptions,
): Promise<Descriptor> {
  const { env, signal } = options;
  const image = withLayers(documents, appended);
  const { descriptor } = renderImage(image, craneLayout).manifest;
  const location = target(descriptor);
  const client = await createRegistryClient(options);
  try {
    const opened = await openTarget([location], { client, env, platform: hostPlatform() });
    try {
      const own = new Map(appended.map((layer) => [layer.descriptor.digest, layer]));
      await Promise.all(
        image.manifest.layers.map(async (layer) => {
          const file = own.get(layer.digest);
          if (file) await opened.store.push(layer, contentFromFile(file.path), { signal });
          else await copyGraph(storeOf(layer, source, others, location), opened.store, layer, { signal });
        }),
      );
      await pushImage(opened.store, image, { signal, layout: craneLayout });
      await opened.publish(descriptor, { signal });
      await opened.commit({ signal });
      return descriptor;
    } finally {
      await opened.close();
    }
  } finally {
    client.close();
  }
}

function storeOf(
  layer: Descriptor,
  source: Store | undefined,
  others: NonNullable<ChangedImage['others']>,
  location: Location,
): Store {
  const other = others.find(({ layers }) => layers.some(({ digest }) => digest === layer.digest));
  const store = other?.store ?? source;
  if (store === undefined)
    throw failure('NOT_FOUND', 'write', formatLocation(location), `no store has ${layer.digest}`);
  return store;
}
