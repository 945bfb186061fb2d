import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { failure, reasonOf } from '../lib/errors.ts';
import { type BytePath, compareBytePaths } from './byte-path.ts';
import type { EntryHeader } from './entry.ts';
import { parseTocBlock, parseTocHead, type TocBlock, tocHeadText } from './toc-head.ts';
import { rowOf } from './toc-row.ts';

/** An entry with its path in normal form, symbolic links in its parents already followed. */
export type TocEntry = EntryHeader;

/**
 * A layer's table of contents: what is left when all its entries are applied in order. Parents that the archive leaves out are not in
 * `entries`. The root ('') is there only if the archive has an entry for it.
 */
export interface Toc {
  readonly entries: readonly TocEntry[];
  /** Paths that the layer removes from the layers below it. */
  readonly whiteouts: readonly BytePath[];
  /** Directories of this layer that hide what the layers below have in them. */
  readonly opaque: readonly BytePath[];
}

/** So many are read to look one up. */
const entriesInBlock = 64;

/** Entries sorted by path, in blocks that the file's first line leads to: whoever wants a few names reads little (`TocFile`). */
export function serialiseToc({ entries, whiteouts, opaque }: Toc): Buffer {
  const sorted = entries.toSorted((a, b) => compareBytePaths(a.path, b.path));
  const blocks: TocBlock[] = [];
  const parts: Buffer[] = [];
  for (let at = 0; at < sorted.length; at += entriesInBlock) {
    const rows = sorted.slice(at, at + entriesInBlock).map(rowOf);
    const part = Buffer.from(`${JSON.stringify(rows)}\n`);
    blocks.push([sorted[at]?.path ?? '', part.length]);
    parts.push(part);
  }
  return Buffer.concat([Buffer.from(tocHeadText({ whiteouts, opaque, blocks })), ...parts]);
}

/** The whole of it. ARCHIVE when `bytes` are not what `serialiseToc` writes. `source` names them in the message. */
export function parseToc(bytes: Buffer, source: string): Toc {
  try {
    const end = bytes.indexOf('\n') + 1;
    const { whiteouts, opaque, blocks } = parseTocHead(bytes.toString('utf8', 0, end));
    const entries: TocEntry[] = [];
    let at = end;
    for (const [first, length] of blocks) {
      const block = parseTocBlock(bytes.subarray(at, at + length));
      if (block[0]?.path !== first) throw new TypeError('a block begins with another path');
      for (const entry of block) {
        const before = entries.at(-1);
        if (before !== undefined && before.path >= entry.path) throw new TypeError('paths are not in order');
        entries.push(entry);
      }
      at += length;
    }
    if (at !== bytes.length) throw new TypeError(`it has ${bytes.length} bytes, expected ${at}`);
    return { entries, whiteouts, opaque };
  } catch (error) {
    throw failure('ARCHIVE', 'read table of contents', source, reasonOf(error), { cause: error });
  }
}

export async function writeTocFile(path: string, toc: Toc): Promise<void> {
  await writeFileAtomic(path, serialiseToc(toc));
}

/** NOT_FOUND when there is no such file. */
export async function readTocFile(
  path: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Toc> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path, { signal: options.signal });
  } catch (error) {
    throw failure('NOT_FOUND', 'read table of contents', path, reasonOf(error), { cause: error });
  }
  return parseToc(bytes, path);
}
