import { type BytePath, baseNameOf, compareBytePaths, parentOf } from './byte-path.ts';
import { impliedDirectory } from './implied-directory.ts';
import { resolveLinks } from './resolve-links.ts';
import type { Toc, TocEntry } from './toc.ts';

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
    return resolveLinks(path, (one) => this.#entries.get(one));
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
