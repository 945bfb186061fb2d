import type { BytePath } from './byte-path.ts';
import type { EntryHeader } from './entry.ts';
import { entryOfRow } from './toc-row.ts';

/** The path of a block's first entry, and how many bytes it has, its line feed included. */
export type TocBlock = readonly [first: BytePath, length: number];

/** The first line of a table of contents' file; the blocks follow, one a line, in the order of their paths. */
export interface TocHead {
  readonly whiteouts: readonly BytePath[];
  readonly opaque: readonly BytePath[];
  readonly blocks: readonly TocBlock[];
}

const version = 2;

export function tocHeadText(head: TocHead): string {
  return `${JSON.stringify({ version, ...head })}\n`;
}

/** TypeError or SyntaxError when `text` is none. */
export function parseTocHead(text: string): TocHead {
  const value = JSON.parse(text) as Partial<Record<keyof TocHead | 'version', unknown>>;
  if (value.version !== version) throw new TypeError(`version ${String(value.version)}, expected ${version}`);
  const { whiteouts, opaque, blocks } = value;
  if (!isStrings(whiteouts) || !isStrings(opaque) || !Array.isArray(blocks) || !blocks.every(isBlock))
    throw new TypeError('blocks, whiteouts or opaque are not lists');
  return { whiteouts, opaque, blocks };
}

/** TypeError or SyntaxError when `bytes` are none. */
export function parseTocBlock(bytes: Buffer): EntryHeader[] {
  const rows: unknown = JSON.parse(bytes.toString('utf8'));
  if (!Array.isArray(rows)) throw new TypeError('a block is not a list');
  return rows.map(entryOfRow);
}

function isBlock(value: unknown): value is TocBlock {
  return (
    Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && value[1] > 0
  );
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
