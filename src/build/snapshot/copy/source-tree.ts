/** What an ignore file says of a path; `exclude-but-descend`: something below may be included again. */
export type FilterVerdict = 'include' | 'exclude' | 'exclude-but-descend';

/**
 * What lstat says of a file, as far as a COPY asks. Node's Stats is one: its BigIntStats cost twice the time. What a double can't hold is rounded:
 * inode numbers above 2^53 (ask `inode`), times to a quarter of a microsecond.
 */
export interface SourceStats extends FileStats {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isFIFO(): boolean;
  isCharacterDevice(): boolean;
  isBlockDevice(): boolean;
}

/** What is kept of a file that was selected. */
export interface FileStats {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
  readonly dev: number;
  /** As Linux packs device numbers. */
  readonly rdev: number;
}

/**
 * Files that a COPY or ADD may read: a directory, or what an archive holds. Paths are byte strings relative to the root, without a slash in
 * front; the parents of a path that is given are resolved already. Nothing outside is ever named or opened, whatever links say.
 */
export interface SourceTree {
  verdict(path: string, isDirectory: boolean): FilterVerdict;
  /** Undefined when nothing is there. */
  lstat(path: string): SourceStats | undefined;
  /** Same text, same file. For files with several names. */
  inode(path: string, stats: FileStats): string;
  readlink(path: string): string;
  /** Names in byte order. */
  names(path: string): string[];
  /** Follows every link, the last one too, with the root as `/`; what does not exist stays as named. */
  resolve(path: string): string;
  /** Value of security.capability of a file. */
  capability(path: string): Buffer | undefined;
  /**
   * The bytes of the file that `expected` describes, in pieces that the caller may keep. CONTENT_INVALID when it is another file now or
   * changes while it is read.
   */
  read(path: string, expected: FileStats, pieceBytes: number): Iterable<Buffer>;
  /**
   * A whole file whose bytes the caller holds to a digest that it knows, at most one byte more than `size`. What is opened is checked no
   * further: bytes of that digest are the file's, wherever they were read.
   */
  readAgain(path: string, size: number): Buffer;
}
