import { bytePathOf } from '../../../archive/byte-path.ts';
import type { FilterVerdict, SourceStats, SourceTree } from './source-tree.ts';

/** A heredoc: one file, mode 0644 and root's, in the root of a tree of its own. */
export class InlineTree implements SourceTree {
  readonly #name: string;
  readonly #content: Buffer;
  readonly #time: bigint;

  /** `now`: the file's time, seconds. */
  constructor(name: string, content: string, now: number) {
    this.#name = bytePathOf(name);
    this.#content = Buffer.from(content);
    this.#time = BigInt(now) * 1_000_000_000n;
  }

  verdict(): FilterVerdict {
    return 'include';
  }

  lstat(path: string): SourceStats | undefined {
    const isFile = path === this.#name;
    if (path !== '' && !isFile) return undefined;
    return {
      mode: isFile ? 0o644n : 0o755n,
      uid: 0n,
      gid: 0n,
      size: BigInt(isFile ? this.#content.length : 0),
      mtimeNs: this.#time,
      ctimeNs: this.#time,
      ino: 0n,
      dev: 0n,
      rdev: 0n,
      nlink: 1n,
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isSymbolicLink: () => false,
      isFIFO: () => false,
      isCharacterDevice: () => false,
      isBlockDevice: () => false,
    };
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

  *read(): Generator<Buffer> {
    yield this.#content;
  }

  readAgain(): Buffer {
    return this.#content;
  }
}
