import { failure } from '../lib/errors.ts';
import {
  type BytePath,
  baseNameOf,
  compareBytePaths,
  displayPath,
  joinBytePath,
  parentOf,
} from './byte-path.ts';
import type { Toc, TocEntry } from './toc.ts';

/** Linux's own limit for one look-up. */
const maxSymlinks = 40;

/** A directory that an archive left out, as every extractor makes it. */
function impliedDirectory(path: BytePath): TocEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
}

/** The file tree that a chain of layers makes, from their tables of contents alone. Paths are in BytePath's normal form. */
export class MergedView {
  readonly #entries = new Map<BytePath, TocEntry>();
  readonly #children = new Map<BytePath, Set<BytePath>>();

  /** Bottom layer first. */
  constructor(layers: readonly Toc[]) {
    for (const layer of layers) this.add(layer);
  }

  /** What is at `path` itself: links of its parents are not followed. */
  lookup(path: BytePath): TocEntry | undefined {
    if (path === '') return this.#entries.get('') ?? impliedDirectory('');
    return this.#entries.get(path);
  }

  /** Names in byte order. */
  readdir(path: BytePath): BytePath[] {
    return [...(this.#children.get(path) ?? [])].map(baseNameOf).sort(compareBytePaths);
  }

  /** `path` with every link followed, the last one too, the root being `/`. What does not exist stays as it is named. */
  resolve(path: BytePath): BytePath {
    let links = 0;
    let done: BytePath = '';
    const todo = path.split('/').reverse();
    for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done = parentOf(done);
        continue;
      }
      const next = joinBytePath(done, part);
      const entry = this.#entries.get(next);
      if (entry?.type !== 'symlink') {
        done = next;
        continue;
      }
      links++;
      if (links > maxSymlinks)
        throw failure('NOT_FOUND', 'resolve', displayPath(path), 'too many symbolic links');
      const target = entry.linkname ?? '';
      if (target.startsWith('/')) done = '';
      todo.push(...target.split('/').reverse());
    }
    return done;
  }

  /** Puts one more layer on top. */
  add(layer: Toc): void {
    for (const directory of layer.opaque) this.#removeChildren(directory);
    for (const path of layer.whiteouts) this.#remove(path);
    for (const entry of layer.entries) {
      const before = this.#entries.get(entry.path);
      if (before !== undefined && entry.type !== 'directory') this.#removeChildren(entry.path);
      this.#set(entry);
    }
  }

  #set(entry: TocEntry): void {
    this.#entries.set(entry.path, entry);
    for (let path = entry.path; path !== ''; path = parentOf(path)) {
      const parent = parentOf(path);
      const siblings = this.#children.get(parent);
      if (siblings?.has(path)) break;
      if (siblings) siblings.add(path);
      else this.#children.set(parent, new Set([path]));
      if (parent !== '' && !this.#entries.has(parent)) this.#entries.set(parent, impliedDirectory(parent));
    }
  }

  #remove(path: BytePath): void {
    this.#removeChildren(path);
    this.#entries.delete(path);
    this.#children.get(parentOf(path))?.delete(path);
  }

  /** Without recursion: links in a hostile layer's parents make paths of tens of thousands of parts. */
  #removeChildren(path: BytePath): void {
    const todo = [path];
    for (let directory = todo.pop(); directory !== undefined; directory = todo.pop()) {
      const children = this.#children.get(directory);
      this.#children.delete(directory);
      for (const child of children ?? []) {
        this.#entries.delete(child);
        todo.push(child);
      }
    }
  }
}
