import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { failure } from '../../lib/errors.ts';
import { inWritable } from './in-writable.ts';
import { isDirectoryInside, lstatOrUndefined, resolveInRoot } from './rooted-path.ts';

/** Sets both times of a path, exactly; Node's own utimes rounds. */
export type SetTimes = (path: string, seconds: number, nanoseconds: number) => void;

const second = 1_000_000_000n;

interface Stub {
  readonly path: string;
  readonly parent: string;
  /** The parent's modification time. */
  readonly before: bigint;
  readonly after: bigint;
}

/**
 * The empty files and directories that a root needs so that something can be mounted on them. What is made here is taken away again when it
 * is still empty, and its parent's time put back, so that no layer shows it.
 */
export class Stubs {
  readonly #root: string;
  readonly #setTimes: SetTimes;
  readonly #made: Stub[] = [];

  constructor(root: string, setTimes: SetTimes) {
    this.#root = root;
    this.#setTimes = setTimes;
  }

  /**
   * Makes `path` where it is missing, its parents too. `mode`: 0644 for a file and 0755 for a directory by default. Returns the path in the container, links
   * followed.
   */
  ensure(
    path: string,
    kind: 'file' | 'directory',
    options: { readonly mode?: number | undefined } = {},
  ): string {
    const resolved = resolveInRoot(this.#root, path);
    const parts = resolved.split('/');
    for (let count = 1; count <= parts.length; count++) {
      const part = join(this.#root, ...parts.slice(0, count));
      const wanted = count < parts.length ? 'directory' : kind;
      const found = lstatOrUndefined(part);
      if (found === undefined) {
        const mode = count < parts.length ? undefined : options.mode;
        this.#make(part, join(part, '..'), wanted, mode);
      } else if (!fits(found, wanted)) {
        throw failure('SANDBOX', 'mount', path, `the image has something else than a ${wanted} there`);
      }
    }
    return `/${resolved}`;
  }

  /** What was made, without leading slashes. */
  get paths(): string[] {
    return this.#made.map(({ path }) => relative(this.#root, path));
  }

  remove(): void {
    for (const stub of this.#made.toReversed()) {
      if (!isDirectoryInside(this.#root, stub.parent)) continue;
      const parent = lstatSync(stub.parent, { bigint: true });
      const found = lstatOrUndefined(stub.path);
      if (found === undefined) continue;
      if (found.isDirectory() && readdirSync(stub.path).length === 0)
        inWritable(stub.parent, () => rmdirSync(stub.path));
      else if (found.isFile() && found.size === 0) inWritable(stub.parent, () => unlinkSync(stub.path));
      else continue;
      const time = parent.mtimeNs === stub.after ? stub.before : parent.mtimeNs;
      this.#setTimes(stub.parent, Number(time / second), Number(time % second));
    }
  }

  #make(path: string, parent: string, kind: 'file' | 'directory', mode: number | undefined): void {
    const before = lstatSync(parent, { bigint: true }).mtimeNs;
    inWritable(parent, () => {
      if (kind === 'directory') mkdirSync(path, mode ?? 0o755);
      else writeFileSync(path, '', { flag: 'wx', mode: mode ?? 0o644 });
    });
    this.#made.push({
      path,
      parent,
      before,
      after: lstatSync(parent, { bigint: true }).mtimeNs,
    });
  }
}

function fits(stats: Stats, kind: 'file' | 'directory'): boolean {
  return kind === 'directory' ? stats.isDirectory() : !stats.isDirectory();
}

/** Makes a directory with its missing parents: the working one for the user (BuildKit, executor: MkdirAllAndChown 0755). */
export function ensureDirectory(root: string, directory: string, owner: { uid: number; gid: number }): void {
  const parts = resolveInRoot(root, directory).split('/').filter(Boolean);
  for (let count = 1; count <= parts.length; count++) {
    const path = join(root, ...parts.slice(0, count));
    const found = lstatOrUndefined(path);
    if (found?.isDirectory()) continue;
    if (found !== undefined) throw failure('SANDBOX', 'use directory', directory, 'it is not a directory');
    inWritable(dirname(path), () => mkdirSync(path, 0o755));
    chownSync(path, owner.uid, owner.gid);
  }
}
