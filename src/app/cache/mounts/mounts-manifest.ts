import { type Digest, isDigest } from '../../../lib/digest.ts';
import { failure } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Manifest } from '../../../oci/manifest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';

export const mountsArtifactType = 'application/vnd.polyarch.cache-mounts.v1';

/** The content of an OCI artifact's empty config (image-spec, manifest.md, "Guidance for an Empty Descriptor"). */
export const emptyConfig = '{}';

/** A cache mount as it travels: its files are a layer. */
export interface CarriedMount {
  /** Hexadecimal: what tells this cache from others. */
  readonly key: string;
  readonly id: string;
  readonly platform: string;
  readonly layer: Descriptor;
  readonly diffId: Digest;
  /** Of the directory itself. */
  readonly root: { readonly uid: number; readonly gid: number; readonly mode: number };
}

const prefix = 'org.polyarch.cache-mount.';
const maxMounts = 1000;
const maxNameLength = 4096;

export function mountsManifest(mounts: readonly CarriedMount[], config: Descriptor): Manifest {
  const sorted = mounts.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: mountsArtifactType,
    config,
    layers: sorted.map(({ key, id, platform, layer, diffId, root }) => ({
      ...layer,
      annotations: {
        [`${prefix}key`]: key,
        [`${prefix}id`]: id,
        [`${prefix}platform`]: platform,
        [`${prefix}diff-id`]: diffId,
        [`${prefix}root`]: `${root.uid}:${root.gid}:${root.mode.toString(8)}`,
      },
    })),
  };
}

/** CONTENT_INVALID for another manifest, LIMIT beyond `maxMounts`. */
export function mountsOf(manifest: Manifest, source: string): CarriedMount[] {
  const refuse = (what: string) => failure('CONTENT_INVALID', 'read cache mounts', source, what);
  if (manifest.artifactType !== mountsArtifactType) throw refuse('it holds none');
  if (manifest.layers.length > maxMounts)
    throw failure('LIMIT', 'read cache mounts', source, `more than ${maxMounts} (maxMounts)`);
  return manifest.layers.map(({ annotations = {}, ...layer }) => {
    const field = (name: string) => annotations[`${prefix}${name}`] ?? '';
    const [key, id, platform, diffId] = [field('key'), field('id'), field('platform'), field('diff-id')];
    const owner = /^(\d{1,10}):(\d{1,10}):([0-7]{1,4})$/.exec(field('root'));
    if (!/^[0-9a-f]{16,64}$/.test(key) || !isDigest(diffId) || owner === null)
      throw refuse('a mount lacks its fields');
    if (id.length > maxNameLength || platform.length > maxNameLength) throw refuse('a name is too long');
    const [uid, gid, mode] = [Number(owner[1]), Number(owner[2]), Number.parseInt(owner[3] ?? '', 8)];
    return { key, id, platform, layer, diffId, root: { uid, gid, mode } };
  });
}
