import { type BytePath, joinBytePath, parentOf } from './byte-path.ts';
import { impliedDirectory } from './implied-directory.ts';
import { resolveLinks } from './resolve-links.ts';
import type { TocEntry } from './toc.ts';

/** A layer's table of contents that is asked for names. */
export interface LayerNames {
  readonly whiteouts: ReadonlySet<BytePath>;
  readonly opaque: ReadonlySet<BytePath>;
  lookup(path: BytePath): TocEntry | undefined;
  /** The first path of an entry, in byte order, that is `path` or behind it. */
  nextPath(path: BytePath): BytePath | undefined;
}

/**
 * The file tree that a chain of layers makes, as MergedView tells it, for whoever asks for a few names: nothing is put together before, so that it costs what is
 * asked for, not what the layers hold.
 */
export class LayeredView {
  readonly #layers: readonly LayerNames[];
  /** By directory: the lowest layer whose names in it no layer above hides. */
  readonly #floors = new Map<BytePath, number>();

  /** Bottom layer first. */
  constructor(layers: readonly LayerNames[]) {
    this.#layers = layers;
    this.#floors.set('', this.#floorWithin('', 0));
  }

  /** What is at `path` itself: links of its parents are not followed. */
  lookup(path: BytePath): TocEntry | undefined {
    const floor = path === '' ? 0 : this.#floorOf(path, this.#floorIn(parentOf(path)));
    let isImplied = path === '';
    for (let at = this.#layers.length - 1; at >= floor; at--) {
      const layer = this.#layers[at];
      const entry = layer?.lookup(path);
      if (entry !== undefined) return entry;
      isImplied ||= layer?.nextPath(`${path}/`)?.startsWith(`${path}/`) === true;
    }
    return isImplied ? impliedDirectory(path) : undefined;
  }

  resolve(path: BytePath): BytePath {
    return resolveLinks(path, (one) => this.lookup(one));
  }

  /** Whether there is anything in the directory. */
  hasNames(directory: BytePath): boolean {
    const prefix = joinBytePath(directory, '');
    const floor = this.#floorIn(directory);
    return this.#layers.some((layer, at) => {
      if (at < floor) return false;
      let next = layer.nextPath(directory === '' ? '\0' : prefix);
      while (next?.startsWith(prefix)) {
        const end = next.indexOf('/', prefix.length);
        const path = end < 0 ? next : next.slice(0, end);
        if (this.lookup(path) !== undefined) return true;
        // A slash comes before what else can follow a name and be below it.
        next = layer.nextPath(end < 0 ? `${path}\0` : `${path}0`);
      }
      return false;
    });
  }

  /** The lowest layer whose names in `directory` show. Without recursion: a hostile layer's paths have thousands of parts. */
  #floorIn(directory: BytePath): number {
    const unknown: BytePath[] = [];
    let at = directory;
    let floor = this.#floors.get(at);
    while (floor === undefined) {
      unknown.push(at);
      at = parentOf(at);
      floor = this.#floors.get(at);
    }
    for (const path of unknown.reverse()) {
      floor = this.#floorWithin(path, this.#floorOf(path, floor));
      this.#floors.set(path, floor);
    }
    return floor;
  }

  /** The lowest layer whose entry for `path` shows. */
  #floorOf(path: BytePath, parentFloor: number): number {
    for (let at = this.#layers.length - 1; at > parentFloor; at--)
      if (this.#layers[at]?.whiteouts.has(path)) return at;
    return parentFloor;
  }

  #floorWithin(path: BytePath, floor: number): number {
    for (let at = this.#layers.length - 1; at > floor; at--) {
      const layer = this.#layers[at];
      const entry = layer?.lookup(path);
      if (layer?.opaque.has(path) || (entry !== undefined && entry.type !== 'directory')) return at;
    }
    return floor;
  }
}
