import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { failure, reasonOf } from '../lib/errors.ts';
import type { BytePath } from './byte-path.ts';
import type { LayerNames } from './layered-view.ts';
import type { TocEntry } from './toc.ts';
import { parseTocBlock, parseTocHead, type TocHead } from './toc-head.ts';

const chunkBytes = 64 * 1024;
/** Blocks that are remembered. Whoever looks up a directory's names one after another finds most of them there. */
const maxBlocks = 256;

/** A table of contents of which only what is asked for is read: a look-up costs the same whatever the layer holds. */
export class TocFile implements LayerNames {
  readonly whiteouts: ReadonlySet<BytePath>;
  readonly opaque: ReadonlySet<BytePath>;
  readonly #path: string;
  readonly #blocks: readonly { readonly first: BytePath; readonly offset: number; readonly length: number }[];
  readonly #read = new Map<number, readonly TocEntry[]>();

  private constructor(path: string, { whiteouts, opaque, blocks }: TocHead, headBytes: number) {
    this.#path = path;
    this.whiteouts = new Set(whiteouts);
    this.opaque = new Set(opaque);
    let offset = headBytes;
    this.#blocks = blocks.map(([first, length]) => {
      const block = { first, offset, length };
      offset += length;
      return block;
    });
  }

  /** NOT_FOUND when there is no such file, ARCHIVE when it is no table of contents, is torn, or of an earlier form. */
  static async open(path: string): Promise<TocFile> {
    const file = await open(path).catch((error: unknown) => {
      throw failure('NOT_FOUND', 'read table of contents', path, reasonOf(error), { cause: error });
    });
    try {
      let head = Buffer.alloc(0);
      let end = -1;
      while (end < 0) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, head.length);
        if (bytesRead === 0) throw new TypeError('it has no end of a line');
        const found = buffer.subarray(0, bytesRead).indexOf('\n');
        if (found >= 0) end = head.length + found + 1;
        head = Buffer.concat([head, buffer.subarray(0, bytesRead)]);
      }
      const parsed = parseTocHead(head.toString('utf8', 0, end));
      const expected = parsed.blocks.reduce((sum, [, length]) => sum + length, end);
      const { size } = await file.stat();
      if (size !== expected) throw new TypeError(`it has ${size} bytes, expected ${expected}`);
      return new TocFile(path, parsed, end);
    } catch (error) {
      throw failure('ARCHIVE', 'read table of contents', path, reasonOf(error), { cause: error });
    } finally {
      await file.close();
    }
  }

  lookup(path: BytePath): TocEntry | undefined {
    const entries = this.#entries(this.#blockOf(path));
    const entry = entries[partition(entries, (one) => one.path < path)];
    return entry?.path === path ? entry : undefined;
  }

  nextPath(path: BytePath): BytePath | undefined {
    const block = this.#blockOf(path);
    const entries = this.#entries(block);
    const at = partition(entries, (one) => one.path < path);
    return entries[at]?.path ?? this.#blocks[block + 1]?.first;
  }

  /** The block that `path` is in, if it is in any. */
  #blockOf(path: BytePath): number {
    return Math.max(0, partition(this.#blocks, ({ first }) => first <= path) - 1);
  }

  #entries(block: number): readonly TocEntry[] {
    const known = this.#read.get(block);
    if (known !== undefined) return known;
    const place = this.#blocks[block];
    if (place === undefined) return [];
    const entries = this.#readBlock(place);
    const [oldest] = this.#read.keys();
    if (this.#read.size >= maxBlocks && oldest !== undefined) this.#read.delete(oldest);
    this.#read.set(block, entries);
    return entries;
  }

  #readBlock({ offset, length }: { readonly offset: number; readonly length: number }): TocEntry[] {
    try {
      const file = openSync(this.#path, 'r');
      try {
        const bytes = Buffer.alloc(length);
        for (let at = 0; at < length; ) {
          const count = readSync(file, bytes, at, length - at, offset + at);
          if (count === 0) throw new TypeError('it ends too early');
          at += count;
        }
        return parseTocBlock(bytes);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw failure('ARCHIVE', 'read table of contents', this.#path, reasonOf(error), {
        hint: 'polyarch cache check',
        cause: error,
      });
    }
  }
}

/** How many at the beginning of a list are `before`; none is behind those that are not. */
function partition<T>(list: readonly T[], before: (item: T) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(list[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
