import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { failure, reasonOf } from '../lib/errors.ts';
import type { BytePath } from './byte-path.ts';
import type { EntryHeader, EntryType } from './entry.ts';

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

const version = 1;

/** The letter that stands for a type in the file: tar's own type flags. */
const letters: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const types = new Map(Object.entries(letters).map(([type, letter]) => [letter, type as EntryType]));

interface RowExtras {
  /** linkname */
  l?: string;
  /** device numbers */
  d?: [number, number];
  /** xattrs, values in base64 */
  x?: Record<string, string>;
  /** nanoseconds */
  n?: number;
}
type Row = [string, string, number, number, number, number, number, RowExtras?];

export function serialiseToc(toc: Toc): string {
  return JSON.stringify({
    version,
    entries: toc.entries.map(rowOf),
    whiteouts: toc.whiteouts,
    opaque: toc.opaque,
  });
}

/** ARCHIVE when `text` is not what `serialiseToc` writes. `source` names it in the message. */
export function parseToc(text: string, source: string): Toc {
  try {
    const value = JSON.parse(text) as {
      version?: unknown;
      entries?: unknown;
      whiteouts?: unknown;
      opaque?: unknown;
    };
    if (value.version !== version)
      throw new TypeError(`version ${String(value.version)}, expected ${version}`);
    if (!Array.isArray(value.entries) || !isStrings(value.whiteouts) || !isStrings(value.opaque)) {
      throw new TypeError('entries, whiteouts or opaque are not lists');
    }
    return { entries: value.entries.map(entryOf), whiteouts: value.whiteouts, opaque: value.opaque };
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
  let text: string;
  try {
    text = await readFile(path, { encoding: 'utf8', signal: options.signal });
  } catch (error) {
    throw failure('NOT_FOUND', 'read table of contents', path, reasonOf(error), { cause: error });
  }
  return parseToc(text, path);
}

function rowOf(entry: TocEntry): Row {
  const row: Row = [
    entry.path,
    letters[entry.type],
    entry.mode,
    entry.uid,
    entry.gid,
    entry.size,
    entry.mtime,
  ];
  const extras: RowExtras = {};
  if (entry.linkname !== undefined) extras.l = entry.linkname;
  if (entry.devMajor !== undefined) extras.d = [entry.devMajor, entry.devMinor ?? 0];
  if (entry.xattrs?.size) {
    // From another thread a Buffer comes as a Uint8Array, whose toString knows no base64.
    extras.x = Object.fromEntries(
      [...entry.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
    );
  }
  if (entry.mtimeNs) extras.n = entry.mtimeNs;
  for (const _ in extras) return [...row.slice(0, 7), extras] as unknown as Row;
  return row;
}

function entryOf(value: unknown): TocEntry {
  if (!Array.isArray(value)) throw new TypeError('an entry is not a list');
  const [path, letter, mode, uid, gid, size, mtime, extras] = value as Row;
  const type = types.get(letter);
  if (typeof path !== 'string' || type === undefined) throw new TypeError('an entry has no path or type');
  for (const number of [mode, uid, gid, size, mtime]) {
    if (!Number.isSafeInteger(number)) throw new TypeError('an entry has a number that is none');
  }
  const entry: TocEntry = { path, type, mode, uid, gid, size, mtime };
  if (extras === undefined) return entry;
  return {
    ...entry,
    ...(extras.l !== undefined && { linkname: extras.l }),
    ...(extras.d && { devMajor: extras.d[0], devMinor: extras.d[1] }),
    ...(extras.x && {
      xattrs: new Map(Object.entries(extras.x).map(([name, text]) => [name, Buffer.from(text, 'base64')])),
    }),
    ...(extras.n && { mtimeNs: extras.n }),
  };
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
