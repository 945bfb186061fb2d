import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type BytePath, baseNameOf, compareBytePaths, displayPath } from '../../../archive/byte-path.ts';
import { type EntryHeader, whiteoutPrefix } from '../../../archive/entry.ts';
import { LayerTree, type TreeChange, type TreeNode } from '../../../archive/layer-tree.ts';
import { TarParser } from '../../../archive/tar-parser.ts';
import type { TocEntry } from '../../../archive/toc.ts';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import { makeDevice } from '../device-number.ts';
import { resolvePath } from './resolve-path.ts';
import type { SelectedEntry } from './selected-entry.ts';
import type { FileStats, FilterVerdict, SourceStats, SourceTree } from './source-tree.ts';

/** Content of all files of an archive that ADD unpacks, or that is a build context. */
const maxUnpackedBytes = 64 * 1024 ** 3;

export interface ArchiveTreeOptions {
  /** What messages call the archive. */
  readonly source: string;
  /** A directory for the files' bytes while the archive is in use; nothing is left there. */
  readonly spoolDirectory: string;
  /** The target of a link that what is unpacked onto has at a path from the archive's root. Default: it has none. */
  readonly lowerLink?: (path: BytePath) => BytePath | undefined;
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where a file's bytes lie in the spool. */
interface Content {
  readonly offset: number;
  size: number;
  digest: Digest | undefined;
}

/** A file behind one or several names. */
interface Inode {
  readonly number: number;
  readonly header: TocEntry;
  readonly content: Content | undefined;
  names: number;
}

/**
 * What a tar archive holds, without unpacking it onto a file system: names are a model in memory, bytes lie in one file that has no name any
 * more. Hostile archives can name nothing else. ARCHIVE, LIMIT or UNSUPPORTED for what no archive of files may have.
 */
export class ArchiveTree implements SourceTree {
  readonly #tree: LayerTree;
  readonly #source: string;
  readonly #fd: number;
  readonly #inodes = new Map<TocEntry, Inode>();
  readonly #stats = new Map<TreeNode, SourceStats>();
  #include: ((path: string, isDirectory: boolean) => FilterVerdict) | undefined;
  #length = 0;
  #hash: Hash | undefined;
  #open: Content | undefined;
  /** Newest time of an entry so far: directories without entry get it. */
  #newest = 0;

  private constructor({ source, spoolDirectory, lowerLink }: ArchiveTreeOptions) {
    this.#source = source;
    this.#tree = new LayerTree({ source, lowerLink });
    const path = join(spoolDirectory, `.spool-${process.pid}-${Math.random().toString(36).slice(2)}`);
    try {
      mkdirSync(spoolDirectory, { recursive: true });
      this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      rmSync(path);
    } catch (error) {
      throw failure('STORE', 'unpack', source, reasonOf(error), { cause: error });
    }
  }

  /** `tar`: the archive, decompressed. */
  static async read(tar: AsyncIterable<Buffer>, options: ArchiveTreeOptions): Promise<ArchiveTree> {
    const tree = new ArchiveTree(options);
    try {
      const limits = { maxTotalBytes: options.maxBytes ?? maxUnpackedBytes };
      const parser = new TarParser(
        {
          entry: (header) => tree.#entry(header),
          data: (bytes) => tree.#data(bytes),
          end: () => tree.#end(),
        },
        { source: options.source, limits },
      );
      for await (const chunk of tar) {
        throwIfAborted(options.signal);
        parser.write(chunk);
        if (parser.ended) break;
      }
      parser.close();
      return tree;
    } catch (error) {
      tree.close();
      throw error;
    }
  }

  /** The files' bytes are gone then. */
  close(): void {
    closeSync(this.#fd);
  }

  /** From now on only what the filter includes is seen. */
  filter(include: ((path: string, isDirectory: boolean) => FilterVerdict) | undefined): void {
    this.#include = include;
  }

  verdict(path: string, isDirectory: boolean): FilterVerdict {
    return this.#include?.(displayable(path), isDirectory) ?? 'include';
  }

  lstat(path: string): SourceStats | undefined {
    const node = this.#tree.at(path);
    return node === undefined ? undefined : this.#statsOf(node);
  }

  inode(_path: string, { ino }: SourceStats): string {
    return String(ino);
  }

  readlink(path: string): string {
    return this.header(path)?.linkname ?? '';
  }

  names(path: string): string[] {
    return [...(this.#tree.at(path)?.children?.keys() ?? [])].sort(compareBytePaths);
  }

  resolve(path: string): string {
    return resolvePath(path, (next) => {
      const header = this.header(next);
      return header?.type === 'symlink' ? header.linkname : undefined;
    });
  }

  capability(path: string): Buffer | undefined {
    return this.header(path)?.xattrs?.get('security.capability');
  }

  /** The entry behind a name, hard links followed; undefined for a directory that the archive only implies. */
  header(path: string): TocEntry | undefined {
    const entry = this.#tree.at(path)?.entry;
    return entry === undefined ? undefined : (this.#inodes.get(entry)?.header ?? entry);
  }

  /** What a file's bytes hash to, known since the archive was read. */
  digest(path: string): Digest | undefined {
    return this.#contentAt(path)?.digest;
  }

  readonly hash = async ({ source }: SelectedEntry): Promise<Digest> => {
    const digest = this.digest(source);
    if (digest === undefined) throw failure('STORE', 'read', displayPath(source), 'it is no file');
    return digest;
  };

  *read(path: string, _expected: FileStats, pieceBytes: number): Generator<Buffer> {
    const { offset = 0, size = 0 } = this.#contentAt(path) ?? {};
    for (let at = 0; at < size; ) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, size - at));
      const count = readSync(this.#fd, piece, 0, piece.length, offset + at);
      if (count === 0) throw failure('STORE', 'read', displayPath(path), 'its bytes are gone');
      at += count;
      yield piece.subarray(0, count);
    }
  }

  readAgain(path: string, size: number): Buffer {
    return Buffer.concat([...this.read(path, this.lstat(path) as SourceStats, Math.max(size, 1))]);
  }

  #contentAt(path: string): Content | undefined {
    const entry = this.#tree.at(path)?.entry;
    return entry && this.#inodes.get(entry)?.content;
  }

  #entry(header: EntryHeader): void {
    if (baseNameOf(header.path.replace(/\/+$/, '')).startsWith(whiteoutPrefix)) {
      throw failure(
        'UNSUPPORTED',
        'unpack',
        this.#source,
        `"${displayPath(header.path)}" is a name that in a layer means a deletion`,
      );
    }
    if (header.mtime > this.#newest) this.#newest = header.mtime;
    const change = this.#tree.apply(header);
    if (change.kind === 'put') this.#put(header, change);
  }

  #put(header: EntryHeader, change: Extract<TreeChange, { kind: 'put' }>): void {
    const { entry, target } = change;
    if (target !== undefined) {
      const found = target.here ? this.#tree.at(target.path)?.entry : undefined;
      const inode = found && this.#inodes.get(found);
      if (inode === undefined) {
        const what = `"${displayPath(header.path)}" is a hard link to "${displayPath(target.path)}", which is not in it`;
        throw failure('ARCHIVE', 'unpack', this.#source, what);
      }
      inode.names++;
      this.#inodes.set(entry, inode);
      return;
    }
    if (entry.type === 'file') {
      this.#open = { offset: this.#length, size: 0, digest: undefined };
      this.#hash = createHash('sha256');
    } else this.#open = undefined;
    const number = this.#inodes.size + 1;
    this.#inodes.set(entry, { number, header: entry, content: this.#open, names: 1 });
  }

  #data(bytes: Buffer): void {
    if (this.#open === undefined) return;
    this.#hash?.update(bytes);
    try {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.#fd, bytes, at, bytes.length - at, this.#length + at);
    } catch (error) {
      throw failure('STORE', 'unpack', this.#source, reasonOf(error), { cause: error });
    }
    this.#length += bytes.length;
    this.#open.size += bytes.length;
  }

  #end(): void {
    if (this.#open !== undefined && this.#hash !== undefined) this.#open.digest = finishDigest(this.#hash);
    this.#open = undefined;
    this.#hash = undefined;
  }

  #statsOf(node: TreeNode): SourceStats {
    let stats = this.#stats.get(node);
    if (stats === undefined) {
      stats = statsOf(node, node.entry && this.#inodes.get(node.entry), this.#newest);
      this.#stats.set(node, stats);
    }
    return stats;
  }
}

function statsOf(node: TreeNode, inode: Inode | undefined, newest: number): SourceStats {
  const header = inode?.header ?? node.entry;
  const type = node.children === undefined ? (header?.type ?? 'file') : 'directory';
  const time = (header?.mtime ?? newest) * 1000 + (header?.mtimeNs ?? 0) / 1e6;
  return {
    mode: header?.mode ?? 0o755,
    uid: header?.uid ?? 0,
    gid: header?.gid ?? 0,
    size: inode?.content?.size ?? 0,
    mtimeMs: time,
    ctimeMs: time,
    ino: inode?.number ?? 0,
    dev: 0,
    rdev: Number(makeDevice(header?.devMajor ?? 0, header?.devMinor ?? 0)),
    nlink: inode?.names ?? 1,
    isFile: () => type === 'file',
    isDirectory: () => type === 'directory',
    isSymbolicLink: () => type === 'symlink',
    isFIFO: () => type === 'fifo',
    isCharacterDevice: () => type === 'char',
    isBlockDevice: () => type === 'block',
  };
}

function displayable(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}
