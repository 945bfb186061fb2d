import type { BytePath } from '../../archive/byte-path.ts';
import { heldBytes } from '../../archive/entry.ts';
import { MergedView } from '../../archive/merged-view.ts';
import { readToc } from '../../archive/read-toc.ts';
import type { Toc, TocEntry } from '../../archive/toc.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { isLayerType } from '../../oci/media-types.ts';

/** Names, link targets and attributes of one image's files: about a million files. What is kept of an image in memory follows them, not its bytes. */
const maxTreeNameBytes = 128 * 1024 * 1024;

/** Layers' tables of contents by diffID, read once however many images share them. */
export class LayerTocs {
  readonly #options: IoOptions & { contents?: boolean; maxNameBytes: number };
  readonly #tocs = new Map<Digest, Promise<Toc>>();
  readonly #contents = new WeakMap<TocEntry, Digest>();
  #heldBytes = 0;

  /**
   * `contents`: digests of files' contents are wanted too. Default false: it costs as much again as reading.
   * `maxNameBytes`: of all layers together, LIMIT beyond. Default `maxTreeNameBytes`.
   */
  constructor(options: IoOptions & { contents?: boolean; maxNameBytes?: number } = {}) {
    this.#options = { maxNameBytes: maxTreeNameBytes, ...options };
  }

  of(store: Store, layer: Layer): Promise<Toc> {
    let toc = this.#tocs.get(layer.diffId);
    if (toc === undefined) {
      toc = this.#read(store, layer);
      this.#tocs.set(layer.diffId, toc);
    }
    return toc;
  }

  /** Of a regular file, when contents were asked for. */
  contentOf(entry: TocEntry): Digest | undefined {
    return this.#contents.get(entry);
  }

  /** The blob streams through: from the store, decompressed, parsed, gone. */
  async #read(store: Store, { descriptor, diffId }: Layer): Promise<Toc> {
    const { signal, contents, maxNameBytes } = this.#options;
    if (!isLayerType(descriptor.mediaType)) {
      const what = `it is no layer of files but ${descriptor.mediaType}`;
      throw failure('UNSUPPORTED', 'list the files of', descriptor.digest, what);
    }
    const toc = await readToc(await store.fetch(descriptor, { signal }), diffId, {
      signal,
      source: descriptor.digest,
      maxNameBytes: maxNameBytes - this.#heldBytes,
      ...(contents ? { contents: this.#contents } : {}),
    });
    for (const entry of toc.entries) this.#heldBytes += heldBytes(entry);
    for (const path of [...toc.whiteouts, ...toc.opaque]) this.#heldBytes += heldBytes({ path });
    return toc;
  }
}

/** The files of one platform's image, as a container would see them. */
export interface ImageTree {
  readonly view: MergedView;
  /** Which of the image's layers has the entry, counted from 1; 0 for a directory that no layer has an entry for. */
  layerOf(entry: TocEntry): number;
  /** What a hard link is another name of; any other entry itself. */
  targetOf(entry: TocEntry): TocEntry;
}

/** Reads the layers one after another, bottom first: nothing is written anywhere. ARCHIVE for a layer that no extractor may take. */
export async function readImageTree(
  store: Store,
  layers: readonly Layer[],
  tocs: LayerTocs,
): Promise<ImageTree> {
  const view = new MergedView([]);
  const layerOf = new Map<TocEntry, number>();
  const targetOf = new Map<TocEntry, TocEntry>();
  for (const [position, layer] of layers.entries()) {
    const toc = await tocs.of(store, layer);
    const links = toc.entries.filter((entry) => entry.type === 'hardlink');
    const own = links.length === 0 ? undefined : byPath(toc);
    for (const link of links) {
      // A target of a lower layer is looked up before this layer hides it.
      const target = own?.get(link.linkname ?? '') ?? view.lookup(link.linkname ?? '');
      if (target !== undefined) targetOf.set(link, targetOf.get(target) ?? target);
    }
    for (const entry of toc.entries) layerOf.set(entry, position + 1);
    view.add(toc);
  }
  return {
    view,
    layerOf: (entry) => layerOf.get(entry) ?? 0,
    targetOf: (entry) => targetOf.get(entry) ?? entry,
  };
}

function byPath(toc: Toc): Map<BytePath, TocEntry> {
  return new Map(toc.entries.map((entry) => [entry.path, entry]));
}
