import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { type BytePath, displayPath, toFsPath } from '../../../archive/byte-path.ts';
import { failure } from '../../../lib/errors.ts';
import { resolvePath } from './resolve-path.ts';
import type { FileStats, FilterVerdict, SourceStats, SourceTree } from './source-tree.ts';

export interface RootedTreeOptions {
  /** UTF-8 path relative to the root, without leading slash. Default: everything is included. */
  readonly include?: (path: string, isDirectory: boolean) => FilterVerdict;
  /** Value of security.capability of a file, by its real path. Default: none is read. */
  readonly capability?: (realPath: string | Buffer) => Buffer | undefined;
}

/** For patterns and ignore rules: what is not UTF-8 becomes U+FFFD. */
export function textOf(path: BytePath): string {
  const found = toFsPath(path);
  return typeof found === 'string' ? found : found.toString('utf8');
}

/** A directory whose links are hostile. */
export class RootedTree implements SourceTree {
  readonly options: RootedTreeOptions;
  readonly #root: string;
  /** The path that was looked at last, where it is ASCII. */
  #asciiPath: string | undefined;

  constructor(root: string, options: RootedTreeOptions = {}) {
    this.#root = realpathSync(Buffer.from(root), { encoding: 'buffer' }).toString('latin1');
    this.options = options;
  }

  /** The root's real path, as a byte string. */
  get root(): string {
    return this.#root;
  }

  verdict(path: string, isDirectory: boolean): FilterVerdict {
    const { include } = this.options;
    if (include === undefined) return 'include';
    return include(path === this.#asciiPath ? path : textOf(path), isDirectory);
  }

  capability(path: string): Buffer | undefined {
    return this.options.capability?.(this.#realPath(path));
  }

  /** For fs calls: text where every byte is ASCII, which is the faster way, else the bytes. */
  #realPath(path: string): string | Buffer {
    const real = toFsPath(path === '' ? this.#root : `${this.#root}/${path}`);
    if (typeof real === 'string') this.#asciiPath = path;
    return real;
  }

  lstat(path: string): SourceStats | undefined {
    try {
      return lstatSync(this.#realPath(path), { throwIfNoEntry: false });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#failed(path, error);
    }
  }

  inode(path: string, { dev, ino }: FileStats): string {
    if (Number.isSafeInteger(ino)) return `${dev}:${ino}`;
    const exact = lstatSync(this.#realPath(path), { bigint: true, throwIfNoEntry: false });
    return `${dev}:${exact?.ino}`;
  }

  readlink(path: string): string {
    try {
      return readlinkSync(this.#realPath(path), 'latin1');
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  names(path: string): string[] {
    try {
      return readdirSync(this.#realPath(path), 'latin1').sort();
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  resolve(path: string): string {
    return resolvePath(path, (next) =>
      this.lstat(next)?.isSymbolicLink() ? this.readlink(next) : undefined,
    );
  }

  *read(path: string, expected: FileStats, pieceBytes: number): Generator<Buffer> {
    const fd = this.#openExpected(path, expected);
    try {
      for (let left = expected.size; left > 0; ) {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, left));
        const count = readSync(fd, piece);
        if (count === 0) break;
        left -= count;
        yield piece.subarray(0, count);
      }
      this.#assertUnchanged(path, fd, expected);
    } finally {
      closeSync(fd);
    }
  }

  readAgain(path: string, size: number): Buffer {
    const fd = this.#open(path);
    try {
      const bytes = Buffer.allocUnsafe(size + 1);
      let used = 0;
      for (let count = -1; count !== 0 && used < bytes.length; used += count)
        count = readSync(fd, bytes, used, bytes.length - used, null);
      return bytes.subarray(0, used);
    } catch (error) {
      throw this.#failed(path, error);
    } finally {
      closeSync(fd);
    }
  }

  #openExpected(path: string, expected: FileStats): number {
    const fd = this.#open(path);
    try {
      this.#assertUnchanged(path, fd, expected);
      this.#assertInside(path, fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #open(path: string): number {
    try {
      return openSync(this.#realPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  #assertUnchanged(path: string, fd: number, expected: FileStats): void {
    const now = fstatSync(fd);
    const same =
      now.ino === expected.ino &&
      now.dev === expected.dev &&
      now.size === expected.size &&
      now.mtimeMs === expected.mtimeMs;
    if (!same) throw failure('CONTENT_INVALID', 'copy', displayPath(path), 'changed while it was read');
  }

  /** O_NOFOLLOW guards the last name only: a parent that was swapped for a link shows in the descriptor's own path. */
  #assertInside(path: string, fd: number): void {
    if (process.platform !== 'linux') return;
    const real = readlinkSync(`/proc/self/fd/${fd}`, 'latin1');
    if (real !== `${this.#root}/${path}`.replace(/^\/\//, '/')) {
      throw failure('CONTENT_INVALID', 'copy', displayPath(path), 'changed while it was read');
    }
  }

  #failed(path: string, cause: unknown): Error {
    const code = (cause as NodeJS.ErrnoException).code ?? 'failed';
    return failure(code === 'ENOENT' ? 'NOT_FOUND' : 'STORE', 'read', displayPath(path) || '.', code, {
      cause,
    });
  }
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
