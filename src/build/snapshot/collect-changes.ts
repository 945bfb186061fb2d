import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { type BytePath, displayPath, joinBytePath, joinFsPath, parentOf } from '../../archive/byte-path.ts';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { isMarkName, type LayerMarks, layerMarks, type MarkFormat } from './layer-marks.ts';
import { MetadataWriter, metadataOf } from './layer-metadata.ts';
import { legibleMode } from './legible-mode.ts';
import { LowerTree } from './lower-tree.ts';
import { copyEntry } from './merge-layers.ts';
import type { Owners } from './owners.ts';
import { type FsPath, loadSyscalls, type Syscalls } from './syscalls.ts';
import { readTreeIndex, type Stamp, type TreeIndex, TreeIndexWriter } from './tree-index.ts';

export interface CollectOptions {
  /** The scan from before the tree was changed. */
  readonly before: TreeIndex;
  /** Directories of the layers that the tree was made of, bottom first: where contents are compared when times alone say nothing. */
  readonly lowers: readonly string[];
  readonly marks: MarkFormat;
  readonly owners: Owners;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Copies what has changed in `tree` to the empty directory `upper`, as overlayfs would have it there, marks for what is gone included. Returns a
 * scan of the tree as it is now. Synchronous but for loading. STORE; UNSUPPORTED for names that layers keep for their marks.
 */
export async function collectChanges(
  tree: string,
  upper: string,
  options: CollectOptions,
): Promise<TreeIndex> {
  return new ChangeCollector(tree, upper, await loadSyscalls(), options).collect();
}

const second = 1_000_000_000n;

class ChangeCollector {
  readonly #tree: string;
  readonly #upper: string;
  readonly #calls: Syscalls;
  readonly #signal: AbortSignal | undefined;
  readonly #owners: Owners;
  readonly #before: Map<BytePath, Stamp>;
  readonly #lowers: LowerTree;
  readonly #marks: LayerMarks;
  readonly #metadata: MetadataWriter;
  readonly #after = new TreeIndexWriter();
  /** Directories that are in `upper`, in the order in which they came; their metadata comes last. */
  readonly #made = new Set<BytePath>();
  readonly #links = new Map<bigint, BytePath>();
  readonly #directories = new Set<BytePath>();

  constructor(tree: string, upper: string, calls: Syscalls, options: CollectOptions) {
    this.#tree = tree;
    this.#upper = upper;
    this.#calls = calls;
    this.#signal = options.signal;
    this.#owners = options.owners;
    this.#before = readTreeIndex(options.before);
    this.#marks = layerMarks(options.marks, calls);
    this.#lowers = new LowerTree(options.lowers, this.#marks);
    this.#metadata = new MetadataWriter(calls, () => {}, options.owners);
  }

  collect(): TreeIndex {
    this.#directory('');
    // What was seen is taken out: what is left is gone.
    for (const path of this.#before.keys()) this.#removed(path);
    for (const path of ['', ...[...this.#made].reverse()]) {
      this.#copyMetadata(path, joinFsPath(this.#tree, path), joinFsPath(this.#upper, path));
    }
    return this.#after.finish();
  }

  #directory(path: BytePath): void {
    throwIfAborted(this.#signal);
    this.#directories.add(path);
    if (path === '') this.#opened(this.#tree);
    for (const name of readdirSync(joinFsPath(this.#tree, path), { encoding: 'latin1' }).sort()) {
      const child = joinBytePath(path, name);
      const file = joinFsPath(this.#tree, child);
      const stats = this.#opened(file);
      const before = this.#before.get(child);
      if (before !== undefined && typeOf(before.mode) === typeOf(stats.mode)) this.#before.delete(child);
      this.#after.add(child, stats);
      if (isMarkName(name)) {
        throw failure('UNSUPPORTED', 'keep', displayPath(child), 'layers mark removed files by such names', {
          hint: 'let the step remove it or name it otherwise',
        });
      }
      this.#at(child, () => {
        if (stats.isDirectory()) {
          if (before === undefined || !sameDirectory(before, stats)) this.#make(child);
        } else if (!stats.isSocket() && !this.#isUntouched(child, file, before, stats))
          this.#put(child, file, stats);
      });
      if (stats.isDirectory()) this.#directory(child);
    }
  }

  /** What a program has shut to the one who reads it now is opened. */
  #opened(file: FsPath): BigIntStats {
    const stats = lstatSync(file, { bigint: true });
    if (!stats.isDirectory() && !stats.isFile()) return stats;
    const mode = Number(stats.mode) & 0o7777;
    const legible = legibleMode(mode, { isDirectory: stats.isDirectory(), owners: this.#owners });
    if (legible === mode) return stats;
    chmodSync(file, legible);
    return lstatSync(file, { bigint: true });
  }

  #isUntouched(path: BytePath, file: FsPath, before: Stamp | undefined, stats: BigIntStats): boolean {
    if (before === undefined || !sameMetadata(before, stats)) return false;
    if (before.ctimeNs === stats.ctimeNs && before.ino === stats.ino) return true;
    // There may be a new name of the same file: all are in the layer, so that they stay one file. One that lost its others is as it was.
    if (stats.nlink > 1n) return false;
    const lower = this.#lowers.find(path);
    return lower !== undefined && this.#sameContent(lower.file, file, stats);
  }

  #sameContent(lower: FsPath, file: FsPath, stats: BigIntStats): boolean {
    const [one, other] = [lower, file].map((path) => metadataOf(this.#calls, path, lstatSync(path)));
    const flat = (map: ReadonlyMap<string, Uint8Array> | undefined): string =>
      [...(map ?? [])]
        .map(([name, value]) => `${name}=${Buffer.from(value).toString('hex')}`)
        .sort()
        .join();
    if (flat(one?.xattrs) !== flat(other?.xattrs)) return false;
    if (stats.isSymbolicLink())
      return readlinkSync(lower, { encoding: 'latin1' }) === readlinkSync(file, { encoding: 'latin1' });
    return stats.isFile() && sameBytes(lower, file);
  }

  #put(path: BytePath, file: FsPath, stats: BigIntStats): void {
    this.#make(parentOf(path));
    const target = joinFsPath(this.#upper, path);
    if (stats.nlink > 1n) {
      const first = this.#links.get(stats.ino);
      if (first !== undefined) {
        linkSync(joinFsPath(this.#upper, first), target);
        return;
      }
      this.#links.set(stats.ino, path);
    }
    copyEntry(this.#calls, file, target, lstatSync(file));
    this.#copyMetadata(path, file, target);
  }

  #removed(path: BytePath): void {
    const parent = parentOf(path);
    // Gone with its parent. All parents of a directory that was seen are directories: no link is followed below it.
    if (!this.#directories.has(parent)) return;
    // Replaced by something else of that name.
    if (lstatSync(joinFsPath(this.#tree, path), { throwIfNoEntry: false })) return;
    this.#make(parent);
    this.#at(path, () => this.#marks.makeWhiteout(this.#upper, path));
  }

  /** The directory in `upper`, its parents too. */
  #make(path: BytePath): void {
    if (path === '' || this.#made.has(path)) return;
    this.#make(parentOf(path));
    this.#made.add(path);
    mkdirSync(joinFsPath(this.#upper, path), 0o700);
  }

  #copyMetadata(path: BytePath, source: FsPath, target: FsPath): void {
    const { mtimeNs } = lstatSync(source, { bigint: true });
    const times = { mtime: Number(mtimeNs / second), mtimeNs: Number(mtimeNs % second) };
    const metadata = metadataOf(this.#calls, source, lstatSync(source) satisfies Stats);
    this.#at(path, () => this.#metadata.apply(path, target, { ...metadata, ...times }));
  }

  #at(path: BytePath, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof PolyarchError) throw error;
      throw failure('STORE', 'keep', displayPath(path), reasonOf(error), { cause: error });
    }
  }
}

function typeOf(mode: bigint): bigint {
  return mode & 0o170000n;
}

function sameMetadata(before: Stamp, { mode, uid, gid, size, mtimeNs }: BigIntStats): boolean {
  return (
    before.mode === mode &&
    before.uid === uid &&
    before.gid === gid &&
    before.size === size &&
    before.mtimeNs === mtimeNs
  );
}

/** A directory's size is the file system's own, and its ctime moves with what is put into it. */
function sameDirectory(before: Stamp, { mode, uid, gid, mtimeNs }: BigIntStats): boolean {
  return before.mode === mode && before.uid === uid && before.gid === gid && before.mtimeNs === mtimeNs;
}

const chunkBytes = 1024 * 1024;

function sameBytes(one: FsPath, other: FsPath): boolean {
  const files: number[] = [];
  try {
    for (const path of [one, other]) files.push(openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW));
    const [first = -1, second = -1] = files;
    const [a, b] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
    for (;;) {
      const count = readFull(first, a);
      if (count !== readFull(second, b) || !a.subarray(0, count).equals(b.subarray(0, count))) return false;
      if (count < chunkBytes) return true;
    }
  } finally {
    files.forEach(closeSync);
  }
}

function readFull(fd: number, into: Buffer): number {
  let used = 0;
  for (let count = -1; count !== 0 && used < into.length; used += count)
    count = readSync(fd, into, used, into.length - used, null);
  return used;
}
