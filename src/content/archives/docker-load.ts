import { algorithmOf, type Digest, hexOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { matchPlatforms } from '../../oci/match-platforms.ts';
import type { Platform } from '../../oci/platform.ts';
import { familiarReference, parseReference } from '../../oci/reference.ts';
import { containerdName, refName } from '../layout/layout-index.ts';
import { readManifest } from '../read-manifest.ts';
import { listPlatforms, type PlatformEntry } from '../select-manifest.ts';
import type { IoOptions } from '../store.ts';
import type { ArchiveWriter, ArchiveWriterOptions } from './archive-writer.ts';

/**
 * The shape that `docker save` writes since Docker 25: an OCI layout with every platform, whose names are references in full, and the
 * manifest.json that older engines, podman and skopeo read. That one has no indexes: it lists `platform`'s image, else the first.
 */
export function dockerLoadShape(platform: Platform): ArchiveWriterOptions {
  return {
    annotate: (name) => ({ [containerdName]: name, [refName]: parseReference(name).tag ?? 'latest' }),
    extraFiles: async (store, options) => {
      const images = await savedImages(store, platform, options);
      return images.length === 0
        ? new Map()
        : new Map([['manifest.json', Buffer.from(JSON.stringify(images))]]);
    },
  };
}

async function savedImages(store: ArchiveWriter, platform: Platform, options: IoOptions) {
  const images = new Map<Digest, { entry: PlatformEntry; names: string[] }>();
  const roots: [string | undefined, Descriptor][] = [...store.tags()];
  const named = new Set([...store.tags().values()].map(({ digest }) => digest));
  for (const entry of store.entries()) if (!named.has(entry.digest)) roots.push([undefined, entry]);
  for (const [name, root] of roots) {
    const entries = await listPlatforms(store, root, options);
    const entry = matchPlatforms(entries, platform)[0] ?? entries[0];
    if (!entry) continue;
    const image = images.get(entry.digest) ?? { entry, names: [] };
    images.set(entry.digest, image);
    if (name !== undefined) image.names.push(familiarReference(parseReference(name)));
  }
  return await Promise.all(
    [...images.values()].map(async ({ entry, names }) => {
      const { config, layers } = await readManifest(store, entry, options);
      return { Config: pathOf(config), RepoTags: names, Layers: layers.map(pathOf) };
    }),
  );
}

function pathOf({ digest }: Descriptor): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
