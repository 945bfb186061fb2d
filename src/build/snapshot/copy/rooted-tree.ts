import {
  type BigIntStats,
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

/** What an ignore file says of a path; `exclude-but-descend`: something below may be included again. */
export type FilterVerdict = 'include' | 'exclude' | 'exclude-but-descend';

export interface RootedTreeOptions {
  /** UTF-8 path relative to the root, without leading slash. Default: everything is included. */
  readonly include?: (path: string, isDirectory: boolean) => FilterVerdict;
  /** Value of security.capability of a file, by its real path. Default: none is read. */
  readonly capability?: (realPath: string | Buffer) => Buffer | undefined;
}

const maxLinks = 255;

/** For patterns and ignore rules: what is not UTF-8 becomes U+FFFD. */
export function textOf(path: BytePath): string {
  const found = toFsPath(path);
  return typeof found === 'string' ? found : found.toString('utf8');
}

/** Read access below one directory whose links are hostile: nothing outside the root is ever named or opened. Paths are byte strings. */
export class RootedTree {
  readonly options: RootedTreeOptions;
  readonly #root: string;

  constructor(root: string, options: RootedTreeOptions = {}) {
    this.#root = realpathSync(Buffer.from(root), { encoding: 'buffer' }).toString('latin1');
    this.options = options;
  }

  /** The root's real path, as a byte string. */
  get root(): string {
    return this.#root;
  }

  verdict(path: string, isDirectory: boolean): FilterVerdict {
    return this.options.include?.(textOf(path), isDirectory) ?? 'include';
  }

  /** For fs calls: text where every byte is ASCII, which is the faster way, else the bytes. */
  realPath(path: string): string | Buffer {
    return toFsPath(path === '' ? this.#root : `${this.#root}/${path}`);
  }

  /** Undefined when nothing is there. The parents must be resolved already. */
  lstat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(this.realPath(path), { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#failed(path, error);
    }
  }

  readlink(path: string): string {
    try {
      return readlinkSync(this.realPath(path), 'latin1');
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  /** Names in byte order. */
  names(path: string): string[] {
    try {
      return readdirSync(this.realPath(path), 'latin1').sort();
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  /** Follows every link, the last one too, with the root as `/`; what does not exist stays as named. */
  resolve(path: string): string {
    let rest = path.split('/');
    const done: string[] = [];
    let links = 0;
    while (rest.length > 0) {
      const name = rest.shift() ?? '';
      if (name === '' || name === '.') continue;
      if (name === '..') {
        done.pop();
        continue;
      }
      const next = [...done, name].join('/');
      if (!this.lstat(next)?.isSymbolicLink()) {
        done.push(name);
        continue;
      }
      if (++links > maxLinks)
        throw failure('CONTENT_INVALID', 'copy', displayPath(path), 'too many symbolic links');
      const link = this.readlink(next);
      if (link.startsWith('/')) done.length = 0;
      rest = [...link.split('/'), ...rest];
    }
    return done.join('/');
  }

  /**
   * A whole file whose bytes the caller holds to a digest that it knows, at most one byte more than `size`. What is opened is checked no
   * further: bytes of that digest are the file's, wherever they were read.
   */
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

  /** A descriptor of the regular file that `expected` describes. The caller closes it. */
  open(path: string, expected: BigIntStats): number {
    const fd = this.#open(path);
    try {
      this.assertUnchanged(path, fd, expected);
      this.#assertInside(path, fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #open(path: string): number {
    try {
      return openSync(this.realPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw this.#failed(path, error);
    }
  }

  assertUnchanged(path: string, fd: number, expected: BigIntStats): void {
    const now = fstatSync(fd, { bigint: true });
    const same =
      now.ino === expected.ino &&
      now.dev === expected.dev &&
      now.size === expected.size &&
      now.mtimeNs === expected.mtimeNs;
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
