import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';

/** OCI's and Docker's names of one and the same bytes. */
const pairs: readonly (readonly [oci: string, docker: string])[] = [
  [mediaTypes.ociLayer, 'application/vnd.docker.image.rootfs.diff.tar'],
  [mediaTypes.ociLayerGzip, mediaTypes.dockerLayerGzip],
  [mediaTypes.ociLayerZstd, 'application/vnd.docker.image.rootfs.diff.tar.zstd'],
  ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', mediaTypes.dockerForeignLayerGzip],
];

/** A layer as a manifest of this family names it: one manifest must not mix the two. */
export function layerFor(manifest: Manifest, layer: Descriptor): Descriptor {
  const docker = manifest.mediaType === mediaTypes.dockerManifest;
  const pair = pairs.find((names) => names.includes(layer.mediaType));
  return pair === undefined ? layer : { ...layer, mediaType: docker ? pair[1] : pair[0] };
}
