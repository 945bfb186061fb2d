import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { type BytePath, joinBytePath, joinFsPath } from '../../archive/byte-path.ts';
import type { LayerMarks } from './layer-marks.ts';
import type { FsPath } from './syscalls.ts';

export interface LowerEntry {
  /** The directory of the layers that has it. */
  readonly layer: string;
  readonly file: FsPath;
  readonly stats: Stats;
}

/** Looks into extracted layers as overlayfs would, without mounting them. Follows no link. Paths are in normal form. */
export class LowerTree {
  readonly #marks: LayerMarks;
  /** Directory of the tree → the directories that make it up, top first. */
  readonly #directories = new Map<BytePath, readonly string[]>();

  /** `layers` bottom first. */
  constructor(layers: readonly string[], marks: LayerMarks) {
    this.#marks = marks;
    this.#directories.set('', layers.toReversed());
  }

  find(path: BytePath): LowerEntry | undefined {
    let at = '';
    let found: LowerEntry | undefined;
    for (const part of path.split('/')) {
      if (found && !found.stats.isDirectory()) return undefined;
      found = this.#step(at, part);
      if (found === undefined) return undefined;
      at = joinBytePath(at, part);
    }
    return found;
  }

  /** The target of a symbolic link at `path`; undefined for anything else. */
  linkAt(path: BytePath): BytePath | undefined {
    const found = this.find(path);
    return found?.stats.isSymbolicLink() ? readlinkSync(found.file, { encoding: 'latin1' }) : undefined;
  }

  #step(directory: BytePath, name: BytePath): LowerEntry | undefined {
    const path = joinBytePath(directory, name);
    const merged: string[] = [];
    let top: LowerEntry | undefined;
    for (const layer of this.#directories.get(directory) ?? []) {
      const file = joinFsPath(layer, path);
      const stats = lstatSync(file, { throwIfNoEntry: false });
      if (this.#marks.hides(layer, path, stats)) break;
      if (stats === undefined) continue;
      top ??= { layer, file, stats };
      if (!stats.isDirectory()) break;
      merged.push(layer);
      if (this.#marks.isOpaque(layer, path)) break;
    }
    if (top?.stats.isDirectory() && !this.#directories.has(path)) this.#directories.set(path, merged);
    return top;
  }
}
