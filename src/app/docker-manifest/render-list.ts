import type { ResolvedDocument } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Platform } from '../../oci/platform.ts';

/** docker's CLI takes the type of the first manifest's family, and three spaces. */
export function listOfFirst(entries: readonly Descriptor[]): ResolvedDocument {
  const oci = entries[0]?.mediaType === mediaTypes.ociManifest;
  return renderList(entries, {
    mediaType: oci ? mediaTypes.ociIndex : mediaTypes.dockerManifestList,
    indent: 3,
  });
}

/**
 * A list exactly as docker/distribution writes it (manifestlist.FromDescriptors), fields in the order of its Go types: the same manifests give the same
 * digest as docker's CLI with three spaces, and as manifest-tool with two.
 */
export function renderList(
  entries: readonly Descriptor[],
  { mediaType, indent }: { readonly mediaType: string; readonly indent: number },
): ResolvedDocument {
  const list = { schemaVersion: 2, mediaType, manifests: entries.map(listEntry) };
  const bytes = Buffer.from(JSON.stringify(list, null, indent));
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
