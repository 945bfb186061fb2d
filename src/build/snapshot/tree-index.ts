import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { type BytePath, joinBytePath, joinFsPath } from '../../archive/byte-path.ts';

/** Numbers kept of each path. */
const fields = 8;

/** What a scan keeps of a file. Equal in all of it: untouched, for whoever writes or renames a file moves its ctime, and cannot set it. */
export interface Stamp {
  readonly mode: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
  readonly nlink: bigint;
}

/** A scan of a tree, in two plain values, so that it crosses to a thread quickly. */
export interface TreeIndex {
  /** Each ended by a NUL, every directory before what is in it; the root is not among them. */
  readonly paths: string;
  readonly stamps: BigInt64Array;
}

export class TreeIndexWriter {
  readonly #paths: BytePath[] = [];
  #stamps = new BigInt64Array(1024 * fields);

  add(path: BytePath, stats: BigIntStats): void {
    const at = this.#paths.length * fields;
    if (at === this.#stamps.length) {
      const grown = new BigInt64Array(this.#stamps.length * 2);
      grown.set(this.#stamps);
      this.#stamps = grown;
    }
    const { mode, uid, gid, size, mtimeNs, ctimeNs, ino, nlink } = stats;
    this.#stamps.set([mode, uid, gid, size, mtimeNs, ctimeNs, ino, nlink], at);
    this.#paths.push(path);
  }

  finish(): TreeIndex {
    const { length } = this.#paths;
    const paths = length === 0 ? '' : `${this.#paths.join('\0')}\0`;
    return { paths, stamps: this.#stamps.slice(0, length * fields) };
  }
}

export function readTreeIndex({ paths, stamps }: TreeIndex): Map<BytePath, Stamp> {
  const names = paths.split('\0').slice(0, -1);
  return new Map(names.map((path, position) => [path, stampAt(stamps, position * fields)]));
}

function stampAt(stamps: BigInt64Array, at: number): Stamp {
  const number = (field: number): bigint => stamps[at + field] ?? 0n;
  return {
    mode: number(0),
    uid: number(1),
    gid: number(2),
    size: number(3),
    mtimeNs: number(4),
    ctimeNs: number(5),
    ino: number(6),
    nlink: number(7),
  };
}

/** Looks at every file of a tree, below its root. Follows no link. */
export function indexTree(root: string): TreeIndex {
  const writer = new TreeIndexWriter();
  const pending: BytePath[] = [''];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const name of readdirSync(joinFsPath(root, path), { encoding: 'latin1' })) {
      const child = joinBytePath(path, name);
      const stats = lstatSync(joinFsPath(root, child), { bigint: true });
      writer.add(child, stats);
      if (stats.isDirectory()) pending.push(child);
    }
  }
  return writer.finish();
}
