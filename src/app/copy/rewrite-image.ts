import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { readDocument } from '../../content/read-manifest.ts';
import { selectManifest } from '../../content/select-manifest.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { Rewritten } from '../../transfer/rewrite/rewritten.ts';
import { presentPlatforms, selectPlatforms } from '../../transfer/rewrite/select-platforms.ts';
import type { OpenedStore } from '../opened-store.ts';
import type { Changes } from './changes.ts';

/** An image as it will be at the target; closed when it is there. */
export interface RewrittenImage extends AsyncDisposable {
  readonly image: Rewritten;
  /** What the user should know of each change. */
  readonly notes: readonly string[];
}

/** Applies the changes, one after the other, and what an incomplete source makes necessary before them. */
export async function rewriteImage(
  source: OpenedStore,
  found: Descriptor,
  changes: Changes,
  io: IoOptions,
): Promise<RewrittenImage> {
  const notes: string[] = [];
  const layers = new TemporaryLayers();
  try {
    let image: Rewritten = { source: source.store, root: found };
    if (source.incomplete) {
      image = await presentPlatforms(source.store, found, io);
      if (image.root.digest !== found.digest)
        notes.push('the source has some platforms only: a new index of those');
    }
    image = await choose(image, changes, notes, io);
    image = await converted(image, changes, layers, notes, io);
    return { image, notes, [Symbol.asyncDispose]: () => layers.remove() };
  } catch (error) {
    await layers.remove();
    throw error;
  }
}

async function choose(
  image: Rewritten,
  changes: Changes,
  notes: string[],
  io: IoOptions,
): Promise<Rewritten> {
  const { source, root } = image;
  const { platforms, sparse, only, indexOnly } = changes;
  if (only !== undefined) {
    const {
      platform: _platform,
      annotations: _annotations,
      ...manifest
    } = await selectManifest(source, root, only, io);
    return { source, root: manifest };
  }
  if (indexOnly) {
    const document = await readDocument(source, root, io);
    const below = document.kind === 'index' ? document.index.manifests : [];
    return { source, root, left: new Set(below.map(({ digest }) => digest)) };
  }
  if (platforms === undefined || platforms.length === 0) return image;
  const chosen = await selectPlatforms(source, root, platforms, { ...io, sparse });
  const names = platforms.map(formatPlatform).join(', ');
  if (chosen.root.digest !== root.digest) notes.push(`a new index of ${names} alone: its digest is another`);
  else if (chosen.left)
    notes.push(`the index still names what stays behind: ${chosen.left.size} of its manifests`);
  return chosen;
}

async function converted(
  image: Rewritten,
  changes: Changes,
  layers: TemporaryLayers,
  notes: string[],
  io: IoOptions,
): Promise<Rewritten> {
  const { type, compression, forceCompression } = changes;
  if (type === undefined && compression === undefined) return image;
  const { convert } = await import('../../transfer/rewrite/convert.ts');
  const options = { ...io, type, compression, force: forceCompression, layers: await layers.open() };
  const made = await convert(image.source, image.root, options);
  if (made.root.digest === image.root.digest) return image;
  notes.push(
    'manifests were written anew: their digests are others, and signatures of the old ones do not hold',
  );
  return made;
}

/** A layout for layers that are compressed anew. */
class TemporaryLayers {
  #directory: string | undefined;

  async open(): Promise<LayoutStore> {
    this.#directory = await mkdtemp(join(tmpdir(), 'polyarch-layers-'));
    return await LayoutStore.open(this.#directory);
  }

  async remove(): Promise<void> {
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}
