import type { ResolvedDocument } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Platform } from '../../oci/platform.ts';

/**
 * A list exactly as docker's CLI writes it (docker/distribution, manifestlist.FromDescriptors): the type of the first manifest's family, three
 * spaces, fields in the order of its Go types. The same manifests give the same digest as docker.
 */
export function renderList(entries: readonly Descriptor[]): ResolvedDocument {
  const oci = entries[0]?.mediaType === mediaTypes.ociManifest;
  const mediaType = oci ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const list = { schemaVersion: 2, mediaType, manifests: entries.map(listEntry) };
  const bytes = Buffer.from(JSON.stringify(list, null, 3));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** Annotations are docker's no more: those of attestations are kept, without which nobody knows what they are. */
function listEntry({ mediaType, size, digest, annotations, platform }: Descriptor) {
  return {
    mediaType,
    size,
    digest,
    ...(annotations === undefined ? {} : { annotations }),
    platform: platform === undefined ? { architecture: '', os: '' } : platformSpec(platform),
  };
}

function platformSpec(platform: Platform) {
  const { architecture, os, variant, features } = platform;
  const [version, osFeatures] = [platform['os.version'], platform['os.features']];
  return {
    architecture,
    os,
    ...(version ? { 'os.version': version } : {}),
    ...(osFeatures?.length ? { 'os.features': osFeatures } : {}),
    ...(variant ? { variant } : {}),
    ...(features?.length ? { features } : {}),
  };
}
