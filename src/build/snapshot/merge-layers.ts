import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { type BytePath, displayPath, joinBytePath, joinFsPath } from '../../archive/byte-path.ts';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { copyRegularFile } from './copy-regular-file.ts';
import { deviceOf } from './device-number.ts';
import { type LayerMarks, layerMarks, type MarkFormat } from './layer-marks.ts';
import { MetadataWriter, metadataOf } from './layer-metadata.ts';
import type { Owners } from './owners.ts';
import { removeTree } from './remove-tree.ts';
import { type FsPath, fileType, loadSyscalls, type Syscalls } from './syscalls.ts';

export interface MergeOptions {
  readonly marks: MarkFormat;
  readonly owners: Owners;
  /**
   * `link`: the tree is only read, its files are the layers' own under more names. `copy`: programs write in it; reflinks where the file system
   * has them, else copies. Links would be cheaper, but nothing keeps a program from writing through one into the layer.
   */
  readonly files: 'link' | 'copy';
  readonly signal?: AbortSignal | undefined;
}

export interface MergedLayer {
  readonly directory: string;
  /** The layer says nothing of the root's own attributes. */
  readonly impliedRoot: boolean;
}

/**
 * Puts layers on a tree as overlayfs would show them: bottom first, onto what `target` has. Nobody else works in it. Synchronous but for loading.
 * STORE when the disk refuses; the tree is then rubbish.
 */
export async function mergeLayers(
  layers: readonly MergedLayer[],
  target: string,
  options: MergeOptions,
): Promise<void> {
  new LayerMerger(target, await loadSyscalls(), options).merge(layers);
}

class LayerMerger {
  readonly #target: string;
  readonly #calls: Syscalls;
  readonly #options: MergeOptions;
  readonly #marks: LayerMarks;
  readonly #metadata: MetadataWriter;
  /** Directory → the layer that spoke of it last. Their modes may shut them: they come at the end. */
  readonly #directories = new Map<BytePath, string>();
  /** Inode of the layer under work → where its first name is. */
  #links = new Map<bigint, BytePath>();

  constructor(target: string, calls: Syscalls, options: MergeOptions) {
    this.#target = target;
    this.#calls = calls;
    this.#options = options;
    this.#marks = layerMarks(options.marks, calls);
    this.#metadata = new MetadataWriter(calls, () => {}, options.owners);
  }

  merge(layers: readonly MergedLayer[]): void {
    const root = lstatSync(this.#target).mode;
    this.#open(this.#target, root);
    for (const { directory, impliedRoot } of layers) {
      this.#links = new Map();
      this.#directory(directory, '', impliedRoot);
    }
    if (!this.#directories.has('')) chmodSync(this.#target, root & 0o7777);
    for (const [path, layer] of [...this.#directories].reverse()) {
      const file = joinFsPath(this.#target, path);
      if (!lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) continue;
      const source = joinFsPath(layer, path);
      this.#at(path, () =>
        this.#metadata.apply(path, file, metadataOf(this.#calls, source, lstatSync(source))),
      );
    }
  }

  #directory(layer: string, path: BytePath, implied: boolean): void {
    throwIfAborted(this.#options.signal);
    const file = joinFsPath(this.#target, path);
    if (path !== '') this.#ready(path, file);
    if (this.#marks.isOpaque(layer, path)) {
      for (const name of names(file)) removeTree(joinFsPath(this.#target, joinBytePath(path, name)));
    }
    if (!implied) {
      // Behind its children, also where an earlier layer had it.
      this.#directories.delete(path);
      this.#directories.set(path, layer);
    }
    for (const name of names(joinFsPath(layer, path))) {
      const child = joinBytePath(path, name);
      const source = joinFsPath(layer, child);
      const stats = lstatSync(source);
      const gone = this.#marks.hiddenName(name, stats);
      if (gone !== undefined) {
        if (gone !== '') removeTree(joinFsPath(this.#target, joinBytePath(path, gone)));
      } else if (stats.isDirectory()) this.#directory(layer, child, false);
      else this.#at(child, () => this.#file(child, source, stats));
    }
  }

  /** A directory that this process can write in, whatever was there. */
  #ready(path: BytePath, file: FsPath): void {
    this.#at(path, () => {
      const there = lstatSync(file, { throwIfNoEntry: false });
      if (there?.isDirectory()) {
        this.#open(file, there.mode);
        return;
      }
      if (there) unlinkSync(file);
      mkdirSync(file, 0o700);
    });
  }

  /** Until its mode comes, at the end. */
  #open(file: FsPath, mode: number): void {
    if ((mode & 0o700) !== 0o700) chmodSync(file, 0o700);
  }

  #file(path: BytePath, source: FsPath, stats: Stats): void {
    const file = joinFsPath(this.#target, path);
    removeTree(file);
    if (this.#options.files === 'link' && this.#link(source, file)) return;
    if (stats.nlink > 1) {
      const { ino } = lstatSync(source, { bigint: true });
      const first = this.#links.get(ino);
      if (first !== undefined && this.#link(joinFsPath(this.#target, first), file)) return;
      this.#links.set(ino, path);
    }
    copyEntry(this.#calls, source, file, stats);
    const { mtimeNs } = lstatSync(source, { bigint: true });
    this.#metadata.apply(path, file, {
      ...metadataOf(this.#calls, source, stats),
      mtime: Number(mtimeNs / 1_000_000_000n),
      mtimeNs: Number(mtimeNs % 1_000_000_000n),
    });
  }

  #link(source: FsPath, file: FsPath): boolean {
    try {
      linkSync(source, file);
      return true;
    } catch (error) {
      // ext4 allows 65,000 names for a file.
      if ((error as NodeJS.ErrnoException).code === 'EMLINK') return false;
      throw error;
    }
  }

  #at(path: BytePath, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof PolyarchError) throw error;
      throw failure('STORE', 'copy', displayPath(path), reasonOf(error), { cause: error });
    }
  }
}

function names(directory: FsPath): BytePath[] {
  return readdirSync(directory, { encoding: 'latin1' }).sort();
}

/** A new entry of the same content and type; its metadata is the caller's to set. */
export function copyEntry(calls: Syscalls, source: FsPath, file: FsPath, stats: Stats): void {
  if (stats.isFile()) copyRegularFile(source, file, stats);
  else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(source, { encoding: 'buffer' }), file);
  else if (stats.isFIFO()) calls.mknod(file, fileType.fifo | 0o600, 0, 0);
  else {
    const type = stats.isCharacterDevice() ? fileType.char : fileType.block;
    const { major, minor } = deviceOf(stats.rdev);
    calls.mknod(file, type | 0o600, major, minor);
  }
}
