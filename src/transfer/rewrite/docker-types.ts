import { failure } from '../../lib/errors.ts';
import { mediaTypes } from '../../oci/media-types.ts';

/** Whose media types an image's manifests speak. */
export type ManifestFamily = 'oci' | 'docker';

const dockerLayer = 'application/vnd.docker.image.rootfs.diff.tar';
const ociForeign = 'application/vnd.oci.image.layer.nondistributable.v1.tar';

/** [OCI, Docker]: the same content under both names. */
const pairs: readonly (readonly [string, string])[] = [
  [mediaTypes.ociIndex, mediaTypes.dockerManifestList],
  [mediaTypes.ociManifest, mediaTypes.dockerManifest],
  [mediaTypes.ociConfig, mediaTypes.dockerConfig],
  [mediaTypes.ociLayer, dockerLayer],
  [mediaTypes.ociLayerGzip, mediaTypes.dockerLayerGzip],
  [`${ociForeign}+gzip`, mediaTypes.dockerForeignLayerGzip],
  [ociForeign, 'application/vnd.docker.image.rootfs.foreign.diff.tar'],
  // Docker has no name for it; containerd reads this one.
  [mediaTypes.ociLayerZstd, `${dockerLayer}.zstd`],
];

const toOci = new Map(pairs.map(([oci, docker]) => [docker, oci]));
const toDocker = new Map(pairs);

/** The media type in the family's words; what has no other name (in-toto statements, artifacts) keeps its own. UNSUPPORTED: zstd as Docker's. */
export function mediaTypeIn(family: ManifestFamily, mediaType: string): string {
  if (family === 'oci') return toOci.get(mediaType) ?? mediaType;
  if (mediaType === mediaTypes.ociLayerZstd) {
    throw failure(
      'UNSUPPORTED',
      'convert to Docker’s type',
      mediaType,
      'Docker manifests have no layers of it',
      {
        hint: '--compression gzip --force-compression makes them gzip',
      },
    );
  }
  return toDocker.get(mediaType) ?? mediaType;
}

export function familyOf(mediaType: string): ManifestFamily {
  return mediaType === mediaTypes.dockerManifest || mediaType === mediaTypes.dockerManifestList
    ? 'docker'
    : 'oci';
}

/** Whether a manifest with this config is an image, which has a name in both families. */
export function isImageConfig(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}
