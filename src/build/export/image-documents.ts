import { clampTime } from '../../lib/epoch.ts';
import type { Descriptor, Layer } from '../../oci/descriptor.ts';
import type { History, ImageConfig, Index, Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { ImagePlan } from '../graph/image-plan.ts';

/** An image's layers with the times that its history tells. */
export interface ImageLayers {
  /** All, bottom first. */
  readonly layers: readonly Layer[];
  /** Seconds at which each layer of this build was made, in the order of the history entries that have a node. */
  readonly created: readonly number[];
  /** Of the config, beside the standard ones. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/**
 * The image config (OCI image-spec, config.md). `created`: seconds for the image and for the history entries that made no layer;
 * the base's own history is never rewritten, and base entries that are missing are not made up.
 */
export function imageConfig(
  plan: ImagePlan,
  image: ImageLayers,
  created: number,
  options: { epoch?: number | undefined } = {},
): ImageConfig {
  const time = rfc3339(clampTime(created, options.epoch));
  const layerTimes = image.created.values();
  const own = plan.history.map((entry): History => {
    if (entry.node === undefined) return { created: time, created_by: entry.createdBy, empty_layer: true };
    const seconds = layerTimes.next().value ?? created;
    return { created: rfc3339(clampTime(seconds, options.epoch)), created_by: entry.createdBy };
  });
  const { os, architecture, variant } = plan.target;
  return {
    created: time,
    ...(plan.author === undefined ? {} : { author: plan.author }),
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    ...(plan.target['os.version'] === undefined ? {} : { 'os.version': plan.target['os.version'] }),
    ...(plan.target['os.features'] === undefined ? {} : { 'os.features': plan.target['os.features'] }),
    config: plan.config,
    rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => layer.diffId) },
    history: [...plan.baseHistory, ...own],
    ...image.fields,
  };
}

/** Docker's name of a layer's media type → OCI's; the bytes are the same, and one manifest must not mix the two families. */
const ociLayerTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerForeignLayerGzip]: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar': mediaTypes.ociLayer,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': mediaTypes.ociLayerZstd,
};

export function imageManifest(config: Descriptor, layers: readonly Layer[]): Manifest {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: layers.map(({ descriptor }) => ({
      mediaType: ociLayerTypes[descriptor.mediaType] ?? descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
      ...(descriptor.urls === undefined ? {} : { urls: descriptor.urls }),
    })),
  };
}

/** `manifests` carry their platforms; their order is kept. */
export function imageIndex(manifests: readonly Descriptor[]): Index {
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}
