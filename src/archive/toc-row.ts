import { type EntryHeader, type EntryType, typeFlags } from './entry.ts';

const types = new Map(Object.entries(typeFlags).map(([type, letter]) => [letter, type as EntryType]));

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
/** An entry in a table of contents' file: path, type, mode, uid, gid, size, mtime, and what few have. */
export type TocRow = [string, string, number, number, number, number, number, RowExtras?];

export function rowOf(entry: EntryHeader): TocRow {
  const row: TocRow = [
    entry.path,
    typeFlags[entry.type],
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
  for (const _ in extras) return [...row.slice(0, 7), extras] as unknown as TocRow;
  return row;
}

/** TypeError when `value` is no row. */
export function entryOfRow(value: unknown): EntryHeader {
  if (!Array.isArray(value)) throw new TypeError('an entry is not a list');
  const [path, letter, mode, uid, gid, size, mtime, extras] = value as TocRow;
  const type = types.get(letter);
  if (typeof path !== 'string' || type === undefined) throw new TypeError('an entry has no path or type');
  for (const number of [mode, uid, gid, size, mtime]) {
    if (!Number.isSafeInteger(number)) throw new TypeError('an entry has a number that is none');
  }
  const entry: EntryHeader = { path, type, mode, uid, gid, size, mtime };
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
