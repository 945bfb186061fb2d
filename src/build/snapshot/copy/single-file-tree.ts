import { closeSync, constants, openSync, readSync } from 'node:fs';
import { bytePathOf, displayPath } from '../../../archive/byte-path.ts';
import { failure, reasonOf } from '../../../lib/errors.ts';
import type { FileStats, FilterVerdict, SourceStats, SourceTree } from './source-tree.ts';

export interface SingleFile {
  readonly name: string;
  readonly mode: number;
  /** Seconds. */
  readonly mtime: number;
  /** The bytes, or the path of the file that has them and their number. */
  readonly content: Buffer | { readonly path: string; readonly size: number };
}

/** One file, root's, in the root of a tree of its own: a heredoc, or what was fetched. */
export class SingleFileTree implements SourceTree {
  readonly #file: SingleFile;
  readonly #name: string;

  constructor(file: SingleFile) {
    this.#file = file;
    this.#name = bytePathOf(file.name);
  }

  verdict(): FilterVerdict {
    return 'include';
  }

  lstat(path: string): SourceStats | undefined {
    const isFile = path === this.#name;
    if (path !== '' && !isFile) return undefined;
    const { mode, mtime, content } = this.#file;
    const size = 'path' in content ? content.size : content.length;
    const time = mtime * 1000;
    return {
      mode: isFile ? mode : 0o755,
      uid: 0,
      gid: 0,
      size: isFile ? size : 0,
      mtimeMs: time,
      ctimeMs: time,
      ino: 0,
      dev: 0,
      rdev: 0,
      nlink: 1,
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isSymbolicLink: () => false,
      isFIFO: () => false,
      isCharacterDevice: () => false,
      isBlockDevice: () => false,
    };
  }

  inode(): string {
    return '';
  }

  readlink(): string {
    return '';
  }

  names(path: string): string[] {
    return path === '' ? [this.#name] : [];
  }

  resolve(path: string): string {
    return path;
  }

  capability(): undefined {
    return undefined;
  }

  *read(path: string, _expected: FileStats, pieceBytes: number): Generator<Buffer> {
    const { content } = this.#file;
    if (!('path' in content)) {
      if (content.length > 0) yield content;
      return;
    }
    let fd: number;
    try {
      fd = openSync(content.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      throw failure('STORE', 'read', displayPath(path), reasonOf(error), { cause: error });
    }
    try {
      for (let left = content.size; left > 0; ) {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, left));
        const count = readSync(fd, piece);
        if (count === 0) throw failure('STORE', 'read', displayPath(path), 'it is shorter than it was');
        left -= count;
        yield piece.subarray(0, count);
      }
    } finally {
      closeSync(fd);
    }
  }

  readAgain(path: string, size: number): Buffer {
    return Buffer.concat([...this.read(path, this.lstat(path) as SourceStats, Math.max(1, size))]);
  }
}

/** A heredoc of COPY or ADD. `now`: seconds. */
export function inlineTree(name: string, content: string, now: number): SingleFileTree {
  return new SingleFileTree({ name, mode: 0o644, mtime: now, content: Buffer.from(content) });
}
