import type { Hash } from 'node:crypto';
import type { SelectedEntry, SelectedKind } from './selected-entry.ts';
import type { FileStats, SourceTree } from './source-tree.ts';

const kinds: readonly SelectedKind[] = ['file', 'directory', 'symlink', 'fifo', 'char', 'block'];

/** Numbers that a row has. */
const width = 10;
const [kindAt, modeAt, uidAt, gidAt, sizeAt] = [0, 1, 2, 3, 4];
const [mtimeAt, ctimeAt, inoAt, devAt, rdevAt] = [5, 6, 7, 8, 9];

/** Rows of a block. A walk's numbers are in several, so that none is copied when there are more. */
const blockRows = 1024;
/** Characters of paths that are kept at a time. */
const newPathsLength = 16 * 1024;

/** What few entries have. */
export interface RareParts {
  readonly link: string | undefined;
  readonly capability: Buffer | undefined;
  readonly inode: string | undefined;
  readonly onTheWay?: boolean | undefined;
}

/**
 * The entries that a walk took, as one block of numbers and one of paths. An object for each of 50,000 files, each with what lstat said of it, would
 * cost as much as the lstat calls; most walks are made only to find that nothing changed.
 */
export class EntryColumns {
  readonly #blocks: Float64Array<ArrayBuffer>[] = [new Float64Array(64 * width)];
  #paths = Buffer.allocUnsafe(4096);
  #pathsLength = 0;
  /** Paths that are not among the others yet. */
  #newPaths = '';
  #length = 0;
  readonly #rare = new Map<number, RareParts>();

  get length(): number {
    return this.#length;
  }

  /** `source`: in the source tree, a byte string. `mode`: permission, setuid, setgid and sticky bits. Arguments, not an object: there are many rows. */
  add(
    source: string,
    kind: SelectedKind,
    mode: number,
    uid: number,
    gid: number,
    stats: FileStats,
    rare?: RareParts,
  ): void {
    const numbers = this.#blockFor(this.#length);
    const at = (this.#length % blockRows) * width;
    numbers[at + kindAt] = kinds.indexOf(kind);
    numbers[at + modeAt] = mode;
    numbers[at + uidAt] = uid;
    numbers[at + gidAt] = gid;
    numbers[at + sizeAt] = stats.size;
    numbers[at + mtimeAt] = stats.mtimeMs;
    numbers[at + ctimeAt] = stats.ctimeMs;
    numbers[at + inoAt] = stats.ino;
    numbers[at + devAt] = stats.dev;
    numbers[at + rdevAt] = stats.rdev;
    // Names hold no NUL.
    this.#newPaths += `${source}\0`;
    if (this.#newPaths.length > newPathsLength) this.#keepPaths();
    if (rare !== undefined) this.#rare.set(this.#length, rare);
    this.#length++;
  }

  #blockFor(row: number): Float64Array<ArrayBuffer> {
    const index = Math.floor(row / blockRows);
    let block = this.#blocks[index] ?? new Float64Array(blockRows * width);
    // Few entries are many copies' whole: the first block begins small.
    if ((row % blockRows) * width === block.length) {
      const longer = new Float64Array(block.length * 2);
      longer.set(block);
      block = longer;
    }
    this.#blocks[index] = block;
    return block;
  }

  #keepPaths(): void {
    const end = this.#pathsLength + this.#newPaths.length;
    if (end > this.#paths.length) {
      const longer = Buffer.allocUnsafe(Math.max(end, this.#paths.length * 2));
      this.#paths.copy(longer, 0, 0, this.#pathsLength);
      this.#paths = longer;
    }
    this.#paths.write(this.#newPaths, this.#pathsLength, 'latin1');
    this.#pathsLength = end;
    this.#newPaths = '';
  }

  /** All that is known of the entries goes into the hash, whether it shows in a layer or not. */
  print(hash: Hash): void {
    for (const [index, { buffer }] of this.#blocks.entries()) {
      const rows = Math.min(this.#length - index * blockRows, blockRows);
      hash.update(new Uint8Array(buffer, 0, rows * width * Float64Array.BYTES_PER_ELEMENT));
    }
    this.#keepPaths();
    hash.update(this.#paths.subarray(0, this.#pathsLength));
    const rare = [...this.#rare].map(([row, { link, capability, inode, onTheWay }]) => [
      ...[row, link ?? null, capability?.toString('hex') ?? null, inode ?? null, onTheWay ?? false],
    ]);
    hash.update(JSON.stringify(rare));
  }

  /** Whether `is` holds for each file's times, milliseconds since 1970. */
  everyFile(is: (times: Pick<FileStats, 'mtimeMs' | 'ctimeMs'>) => boolean): boolean {
    const fileKind = kinds.indexOf('file');
    for (let row = 0; row < this.#length; row++) {
      const numbers = this.#blockFor(row);
      const at = (row % blockRows) * width;
      if (numbers[at + kindAt] !== fileKind) continue;
      const times = { mtimeMs: numbers[at + mtimeAt] as number, ctimeMs: numbers[at + ctimeAt] as number };
      if (!is(times)) return false;
    }
    return true;
  }

  /** `root`: what the entries' own paths are relative to. */
  entries(tree: SourceTree, root: string): SelectedEntry[] {
    if (this.#length === 0) return [];
    this.#keepPaths();
    const sources = this.#paths.toString('latin1', 0, this.#pathsLength - 1).split('\0');
    const skipped = root === '' ? 0 : root.length + 1;
    return sources.map((source, row): SelectedEntry => {
      const numbers = this.#blockFor(row);
      const at = (row % blockRows) * width;
      const rare = this.#rare.get(row);
      return {
        tree,
        path: source === root ? '' : skipped === 0 ? source : source.slice(skipped),
        source,
        kind: kinds[numbers[at + kindAt] as number] as SelectedKind,
        mode: numbers[at + modeAt] as number,
        uid: numbers[at + uidAt] as number,
        gid: numbers[at + gidAt] as number,
        stats: new RowStats(numbers, at),
        link: rare?.link,
        capability: rare?.capability,
        inode: rare?.inode,
        onTheWay: rare?.onTheWay,
      };
    });
  }
}

/** What lstat said, read from a row: numbers that are no small integers would each be an object of their own. */
class RowStats implements FileStats {
  readonly #numbers: Float64Array;
  readonly #at: number;

  constructor(numbers: Float64Array, at: number) {
    this.#numbers = numbers;
    this.#at = at;
  }

  #number(column: number): number {
    return this.#numbers[this.#at + column] as number;
  }

  get size(): number {
    return this.#number(sizeAt);
  }
  get mtimeMs(): number {
    return this.#number(mtimeAt);
  }
  get ctimeMs(): number {
    return this.#number(ctimeAt);
  }
  get ino(): number {
    return this.#number(inoAt);
  }
  get dev(): number {
    return this.#number(devAt);
  }
  get rdev(): number {
    return this.#number(rdevAt);
  }
}
