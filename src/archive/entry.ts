import type { BytePath } from './byte-path.ts';

/** What an entry of a layer is. A `hardlink`'s `linkname` is a path from the layer's root. */
export type EntryType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

/** One entry's metadata, as a tar header has it. */
export interface EntryHeader {
  /** Out of the parser: as the archive has it, may be hostile. Into a writer: in the normal form of BytePath. */
  readonly path: BytePath;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky: 12 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** Whole seconds since 1970, rounded down. */
  readonly mtime: number;
  /** Nanoseconds beyond `mtime`. Read, never written. Default 0. */
  readonly mtimeNs?: number | undefined;
  /** Target of a symlink or hard link. */
  readonly linkname?: BytePath | undefined;
  readonly devMajor?: number | undefined;
  readonly devMinor?: number | undefined;
  /** Extended attributes by their full name (`security.capability`; bytes as in a BytePath), values as bytes. */
  readonly xattrs?: ReadonlyMap<string, Buffer> | undefined;
}

/** Bytes of memory that a header takes, about: its names, and its attributes, of which a hostile entry has a megabyte. */
export function heldBytes({
  path,
  linkname,
  xattrs,
}: Pick<EntryHeader, 'path' | 'linkname' | 'xattrs'>): number {
  let bytes = path.length + (linkname?.length ?? 0) + 64;
  if (xattrs !== undefined) for (const [name, value] of xattrs) bytes += name.length + value.length + 64;
  return bytes;
}

/** OCI image-spec, layer.md, "Whiteouts". */
export const whiteoutPrefix = '.wh.';
export const opaqueWhiteout = '.wh..wh..opq';

/** tar's type flags; a table of contents' file has the same letters. */
export const typeFlags: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
