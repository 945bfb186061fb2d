import { failure } from '../lib/errors.ts';
import { type BytePath, compareBytePaths, displayPath, joinBytePath } from './byte-path.ts';
import { type EntryHeader, heldBytes, opaqueWhiteout, whiteoutPrefix } from './entry.ts';
import type { Toc, TocEntry } from './toc.ts';

/** What a name in the tree stands for. */
export interface TreeNode {
  /** Undefined for a directory that the archive implies but has no entry for, and for files that are not kept. */
  entry: TocEntry | undefined;
  /** There exactly for directories. */
  children: Map<BytePath, TreeNode> | undefined;
  opaque: boolean;
  /** Names in this directory that the layer removes from the layers below. */
  whiteouts: Set<BytePath> | undefined;
}

/** What an entry does to the tree, with its real path. */
export type TreeChange =
  | {
      readonly kind: 'put';
      readonly path: BytePath;
      readonly entry: TocEntry;
      /** What was at the path and must go: `tree` a directory with all in it, `name` anything else. A directory that stays is none. */
      readonly replaces: 'nothing' | 'name' | 'tree' | 'directory';
      /** Directories without an entry that had to be made, topmost first. */
      readonly implied: readonly BytePath[];
      /** For hard links: the real path of the target; undefined when this layer has none (then a lower layer may). */
      readonly target?: { readonly path: BytePath; readonly here: boolean };
    }
  | { readonly kind: 'whiteout'; readonly path: BytePath; readonly implied: readonly BytePath[] }
  | { readonly kind: 'opaque'; readonly path: BytePath; readonly implied: readonly BytePath[] }
  | { readonly kind: 'none' };

export interface LayerTreeOptions {
  /** What messages call the layer. */
  source?: string | undefined;
  /** Bytes of all names, link targets and attributes together; LIMIT beyond. Default 512 MiB. */
  maxNameBytes?: number | undefined;
  /** The target of a symbolic link that a lower layer has at `path` (real path, normal form), if it is one. Default: never. */
  lowerLink?: ((path: BytePath) => BytePath | undefined) | undefined;
  /** `structure`: of what is neither directory nor symbolic link the name alone, so that it takes little memory; `toc` lacks it. Default `entries`. */
  keep?: 'entries' | 'structure' | undefined;
}

const metaPrefix = `${whiteoutPrefix}${whiteoutPrefix}`;

/** As the kernel (path_resolution(7)). */
const maxSymlinks = 40;

/**
 * The tree that a layer's entries make, applied in order: a model in memory, from which both the extractor and the table of contents take
 * what an entry really means. Links in parents are followed here, inside the layer's root, so that no file system call ever follows one.
 */
export class LayerTree {
  readonly root: TreeNode = makeNode(true);
  readonly #source: string;
  readonly #maxNameBytes: number;
  readonly #keepFiles: boolean;
  readonly #lowerLink: (path: BytePath) => BytePath | undefined;
  #nameBytes = 0;
  #lastParent: { text: string; node: TreeNode; path: BytePath } | undefined;

  constructor(options: LayerTreeOptions = {}) {
    this.#source = options.source ?? 'layer';
    this.#maxNameBytes = options.maxNameBytes ?? 512 * 1024 * 1024;
    this.#lowerLink = options.lowerLink ?? (() => undefined);
    this.#keepFiles = options.keep !== 'structure';
  }

  /** ARCHIVE for entries that no layer may have. */
  apply(header: EntryHeader): TreeChange {
    this.#nameBytes += heldBytes(header);
    if (this.#nameBytes > this.#maxNameBytes) {
      throw failure(
        'LIMIT',
        'read layer',
        this.#source,
        `names and attributes take more than ${this.#maxNameBytes} bytes (maxNameBytes)`,
      );
    }
    const parts = normalParts(header.path);
    if (parts === undefined) throw this.#bad(header.path, 'its name has ".." in it');
    const name = parts.pop();
    if (name === undefined) return this.#applyRoot(header);
    // AUFS' own directories and what is in them: of no meaning in a layer.
    if (parts.some((part) => part.startsWith(metaPrefix) && part !== opaqueWhiteout)) return { kind: 'none' };
    const implied: BytePath[] = [];
    const parent = this.#parent(parts, header.path, implied);
    if (name === opaqueWhiteout) {
      parent.node.opaque = true;
      return { kind: 'opaque', path: parent.path, implied };
    }
    if (name.startsWith(whiteoutPrefix)) return this.#whiteout(header.path, name, parent, implied);
    return this.#put(header, name, parent, implied);
  }

  #applyRoot(header: EntryHeader): TreeChange {
    // Anything else here would put a link or file in the place of the root itself (CVE-2021-29136).
    if (header.type !== 'directory') throw this.#bad(header.path, 'the root may only be a directory');
    this.root.entry = { ...header, path: '' };
    return {
      kind: 'put',
      path: '',
      entry: this.root.entry,
      replaces: 'directory',
      implied: [],
    };
  }

  #whiteout(
    path: BytePath,
    name: BytePath,
    parent: { node: TreeNode; path: BytePath },
    implied: BytePath[],
  ): TreeChange {
    const hidden = name.slice(whiteoutPrefix.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw this.#bad(path, 'the whiteout names no file');
    // `.wh..wh.plnk`, `.wh..wh.aufs`: AUFS' own, of no meaning in a layer.
    if (hidden.startsWith(whiteoutPrefix)) return { kind: 'none' };
    const real = joinBytePath(parent.path, hidden);
    const existing = parent.node.children?.get(hidden);
    if (existing) {
      // Whiteouts act on lower layers only: a directory of this layer at that name becomes an opaque one, a file hides them anyway.
      if (!existing.children) return { kind: 'none' };
      existing.opaque = true;
      return { kind: 'opaque', path: real, implied };
    }
    parent.node.whiteouts ??= new Set();
    parent.node.whiteouts.add(hidden);
    return { kind: 'whiteout', path: real, implied };
  }

  #put(
    header: EntryHeader,
    name: BytePath,
    parent: { node: TreeNode; path: BytePath },
    implied: BytePath[],
  ): TreeChange {
    const path = joinBytePath(parent.path, name);
    const target = header.type === 'hardlink' ? this.#linkTarget(header, path) : undefined;
    const entry: TocEntry = {
      ...header,
      path,
      ...(target && { linkname: target.path }),
    };
    const children = parent.node.children as Map<BytePath, TreeNode>;
    const existing = children.get(name);
    const overWhiteout = parent.node.whiteouts?.delete(name) ?? false;
    const directory = header.type === 'directory';
    if (existing?.children && directory) {
      existing.entry = entry;
      return { kind: 'put', path, entry, replaces: 'directory', implied };
    }
    // A link to itself would delete its own target.
    if (target?.here && target.path === path) return { kind: 'none' };
    if (existing?.children) {
      if (target?.here && target.path.startsWith(`${path}/`))
        throw this.#bad(header.path, 'it replaces its own target');
    }
    if (existing) this.#lastParent = undefined;
    if (this.#keepFiles || directory || entry.type === 'symlink') {
      const node = makeNode(directory);
      node.entry = entry;
      // A directory over a whiteout hides what the lower directory had.
      node.opaque = directory && overWhiteout;
      children.set(name, node);
    } else children.set(apart(name), someFile);
    const replaces = existing === undefined ? 'nothing' : existing.children ? 'tree' : 'name';
    return { kind: 'put', path, entry, replaces, implied, ...(target && { target }) };
  }

  /** Parents of the target are followed, its last part is not. */
  #linkTarget(header: EntryHeader, path: BytePath): { path: BytePath; here: boolean } {
    const parts = normalParts(header.linkname ?? '');
    const name = parts?.pop();
    if (!parts || name === undefined)
      throw this.#bad(header.path, 'its target is not a path inside the layer');
    const parent = this.#walk(parts, header.path, undefined);
    const real = joinBytePath(parent.path, name);
    const node = parent.node?.children?.get(name);
    if (node?.children) throw this.#bad(path, 'a hard link may not name a directory');
    return { path: real, here: node !== undefined };
  }

  #parent(
    parts: readonly BytePath[],
    path: BytePath,
    implied: BytePath[],
  ): { node: TreeNode; path: BytePath } {
    const text = parts.join('/');
    if (this.#lastParent?.text === text) return this.#lastParent;
    const found = this.#walk(parts, path, implied) as { node: TreeNode; path: BytePath };
    // Only a way without links: it stays right until one of its names is replaced.
    if (found.path === text) this.#lastParent = { text, ...found };
    return found;
  }

  /** With `implied` missing directories are made and noted there; without, the node of a path that this layer lacks is undefined. */
  #walk(
    parts: readonly BytePath[],
    original: BytePath,
    implied: BytePath[] | undefined,
  ): { node: TreeNode | undefined; path: BytePath } {
    let node: TreeNode | undefined = this.root;
    let path = '';
    let links = 0;
    const pending = parts.toReversed();
    while (pending.length > 0) {
      const part = pending.pop() as BytePath;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        path = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        node = this.#nodeAt(path);
        continue;
      }
      const next = joinBytePath(path, part);
      const child: TreeNode | undefined = node?.children?.get(part);
      const link = child ? linkOf(child) : node?.whiteouts?.has(part) ? undefined : this.#lowerLink(next);
      if (link !== undefined) {
        if (++links > maxSymlinks)
          throw this.#bad(original, `more than ${maxSymlinks} symbolic links in its parents`);
        if (link.length + pending.length > 1_000_000) throw this.#bad(original, 'its parents are too deep');
        if (link.startsWith('/')) {
          node = this.root;
          path = '';
        }
        pending.push(...link.split('/').reverse());
        continue;
      }
      if (child && !child.children)
        throw this.#bad(original, `its parent "${displayPath(next)}" is not a directory`);
      if (child === undefined && implied && part.startsWith(whiteoutPrefix))
        throw this.#bad(original, `its parent "${displayPath(next)}" has a name that marks a removed file`);
      node = child ?? (node && implied ? this.#imply(node, part, next, implied) : undefined);
      path = next;
      if (path.length > 65536) throw this.#bad(original, 'its parents are too deep');
    }
    return { node, path };
  }

  #imply(parent: TreeNode, name: BytePath, path: BytePath, implied: BytePath[]): TreeNode {
    const node = makeNode(true);
    // Old writers give a whiteout, then entries below that name: what a removed and remade directory is.
    if (parent.whiteouts?.delete(name)) node.opaque = true;
    parent.children?.set(name, node);
    this.#nameBytes += path.length + 64;
    implied.push(path);
    return node;
  }

  #nodeAt(path: BytePath): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    if (path !== '') for (const part of path.split('/')) node = node?.children?.get(part);
    return node;
  }

  /** The node at a real path. */
  at(path: BytePath): TreeNode | undefined {
    return this.#nodeAt(path);
  }

  /** Entries in byte order of their names, parents first. */
  toc(): Toc {
    const entries: TocEntry[] = [];
    const whiteouts: BytePath[] = [];
    const opaque: BytePath[] = [];
    const stack: { node: TreeNode; path: BytePath }[] = [{ node: this.root, path: '' }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { node, path } = top;
      if (node.entry) entries.push(node.entry);
      if (node.opaque) opaque.push(path);
      for (const name of [...(node.whiteouts ?? [])].sort(compareBytePaths))
        whiteouts.push(joinBytePath(path, name));
      if (!node.children) continue;
      for (const name of [...node.children.keys()].sort(compareBytePaths).reverse()) {
        stack.push({ node: node.children.get(name) as TreeNode, path: joinBytePath(path, name) });
      }
    }
    return { entries, whiteouts, opaque };
  }

  #bad(path: BytePath, what: string) {
    return failure('ARCHIVE', 'read layer', this.#source, `"${displayPath(path)}": ${what}`);
  }
}

/** Parts without `.` and empty ones, as archives write them (`./a`, `/a`, `a/`); undefined when one is `..`. */
export function normalParts(path: BytePath): BytePath[] | undefined {
  const parts = path.split('/');
  if (parts.includes('..')) return undefined;
  return parts.includes('') || parts.includes('.')
    ? parts.filter((part) => part !== '' && part !== '.')
    : parts;
}

function linkOf(node: TreeNode): BytePath | undefined {
  return node.entry?.type === 'symlink' ? node.entry.linkname : undefined;
}

function makeNode(directory: boolean): TreeNode {
  return {
    entry: undefined,
    children: directory ? new Map() : undefined,
    opaque: false,
    whiteouts: undefined,
  };
}

/** All files whose entries are not kept. */
const someFile: TreeNode = Object.freeze(makeNode(false));

/** A part of a longer string keeps all of it in memory. */
function apart(name: BytePath): BytePath {
  return Buffer.from(name, 'latin1').toString('latin1');
}
