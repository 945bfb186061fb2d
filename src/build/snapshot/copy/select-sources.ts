import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, readSync } from 'node:fs';
import { bytePathOf, displayPath } from '../../../archive/byte-path.ts';
import { type Digest, digestOf, finishDigest } from '../../../lib/digest.ts';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import { compileGoMatch, hasWildcard } from '../../../lib/go-match.ts';
import { type RootedTree, textOf } from './rooted-tree.ts';

export type SelectedKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'char' | 'block';

/** One file of the source. Paths and links are byte strings. */
export interface SelectedEntry {
  /** Relative to the item's root; empty for the root itself. */
  readonly path: string;
  /** In the source tree, links of its parents resolved. */
  readonly source: string;
  readonly kind: SelectedKind;
  /** Permission, setuid, setgid and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly stats: BigIntStats;
  readonly link?: string;
  readonly capability?: Buffer;
  /** Same text, same file: there when the file has several names. */
  readonly inode?: string;
}

/** What one source pattern's one match names. */
export interface SelectedItem {
  /** Last part of the path as it was named, before links were followed. */
  readonly name: string;
  readonly entries: readonly SelectedEntry[];
}

export interface SelectOptions {
  /** A build context's ids mean nothing in an image: `zero`. A stage's are kept. */
  readonly owners: 'zero' | 'keep';
  readonly signal: AbortSignal;
}

export type HashFile = (tree: RootedTree, entry: SelectedEntry) => Promise<Digest>;

/** The files that a COPY reads, found from the source alone. */
export class Selection {
  readonly tree: RootedTree;
  readonly items: readonly SelectedItem[];
  /** What `digest` read: whoever reads a file again holds it to this. */
  readonly hashed = new Map<SelectedEntry, Digest>();

  constructor(tree: RootedTree, items: readonly SelectedItem[]) {
    this.tree = tree;
    this.items = items;
  }

  /** Everything but times, as BuildKit's content hash has it. */
  async digest(options: {
    readonly signal: AbortSignal;
    readonly hash?: HashFile | undefined;
  }): Promise<Digest> {
    const hash = options.hash ?? hashFile;
    const lines: unknown[] = [];
    for (const item of this.items) {
      // A directory's own name is not copied, a file's is.
      lines.push(item.entries[0]?.kind === 'directory' ? '' : item.name);
      const inodes = new Map<string, number>();
      for (const entry of item.entries) {
        throwIfAborted(options.signal);
        const { path, kind, mode, uid, gid, stats } = entry;
        const linked = entry.inode === undefined ? undefined : inodes.get(entry.inode);
        if (entry.inode !== undefined && linked === undefined) inodes.set(entry.inode, inodes.size);
        const device = kind === 'char' || kind === 'block' ? String(stats.rdev) : undefined;
        const capability = entry.capability?.toString('hex');
        let content: Digest | undefined;
        if (kind === 'file') {
          content = await hash(this.tree, entry);
          this.hashed.set(entry, content);
        }
        lines.push([path, kind, mode, uid, gid, device, content, linked, entry.link, capability]);
      }
    }
    return digestOf(JSON.stringify(lines));
  }
}

/** Reads a file once, in blocks; fails when it changes meanwhile. */
export async function hashFile(tree: RootedTree, entry: SelectedEntry): Promise<Digest> {
  const fd = tree.open(entry.source, entry.stats);
  try {
    const hash = createHash('sha256');
    const block = Buffer.allocUnsafe(Math.min(1 << 20, Math.max(1, Number(entry.stats.size))));
    for (let count = readSync(fd, block); count > 0; count = readSync(fd, block))
      hash.update(block.subarray(0, count));
    tree.assertUnchanged(entry.source, fd, entry.stats);
    return finishDigest(hash);
  } finally {
    closeSync(fd);
  }
}

/** `sources`: patterns as Go's filepath.Match has them, relative to the tree's root, variables expanded. */
export function selectSources(
  tree: RootedTree,
  sources: readonly string[],
  options: SelectOptions,
): Selection {
  const items: SelectedItem[] = [];
  for (const pattern of sources) {
    for (const path of matches(tree, pattern, options.signal))
      items.push(selectItem(tree, path, pattern, options));
  }
  return new Selection(tree, items);
}

/** A literal path as it is; a pattern's matches in byte order, none is no error (BuildKit's AllowEmptyWildcard). */
function matches(tree: RootedTree, pattern: string, signal: AbortSignal): string[] {
  const parts = clean(pattern);
  const first = parts.findIndex(hasWildcard);
  if (first < 0) return [parts.map((part) => bytePathOf(part.replace(/\\(.)/gsu, '$1'))).join('/')];
  const regexps = parts.slice(first).map((part) => {
    const regexp = compileGoMatch(part);
    if (regexp === undefined) throw failure('DOCKERFILE', 'copy', pattern, 'the pattern is malformed');
    return regexp;
  });
  const base = tree.resolve(bytePathOf(parts.slice(0, first).join('/')));
  const found: string[] = [];
  const walk = (path: string, depth: number): void => {
    throwIfAborted(signal);
    const regexp = regexps[depth];
    if (regexp === undefined || !tree.lstat(path)?.isDirectory()) return;
    for (const name of tree.names(path)) {
      if (!regexp.test(textOf(name))) continue;
      const next = path === '' ? name : `${path}/${name}`;
      const isDirectory = tree.lstat(next)?.isDirectory() ?? false;
      const verdict = tree.verdict(next, isDirectory);
      if (verdict === 'exclude') continue;
      if (depth < regexps.length - 1) walk(next, depth + 1);
      else if (verdict === 'include' || hasIncluded(tree, next)) found.push(next);
    }
  };
  walk(base, 0);
  return found;
}

/** Parts of a path, `..` stopped at the root. */
function clean(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

function hasIncluded(tree: RootedTree, path: string): boolean {
  return tree.names(path).some((name) => {
    const next = path === '' ? name : `${path}/${name}`;
    const isDirectory = tree.lstat(next)?.isDirectory() ?? false;
    const verdict = tree.verdict(next, isDirectory);
    return (
      verdict === 'include' || (verdict === 'exclude-but-descend' && isDirectory && hasIncluded(tree, next))
    );
  });
}

function selectItem(tree: RootedTree, path: string, pattern: string, options: SelectOptions): SelectedItem {
  const root = tree.resolve(path);
  const stats = tree.lstat(root);
  if (stats === undefined) {
    throw failure('NOT_FOUND', 'copy', pattern, 'no such file or directory in the source', {
      hint: 'source paths are relative to the root of the build context or stage',
    });
  }
  if (root !== '') {
    const verdict = tree.verdict(root, stats.isDirectory());
    if (verdict === 'exclude' || (verdict !== 'include' && !hasIncluded(tree, root))) {
      throw failure('NOT_FOUND', 'copy', pattern, 'it is excluded by the ignore file', {
        hint: 'look at .dockerignore',
      });
    }
  }
  const entries: SelectedEntry[] = [];
  const visit = (source: string, relative: string, found: BigIntStats): void => {
    throwIfAborted(options.signal);
    const kind = kindOf(found);
    if (kind === undefined) return;
    if (source !== '' && source !== root) {
      const verdict = tree.verdict(source, kind === 'directory');
      if (verdict === 'exclude') return;
      if (verdict === 'exclude-but-descend' && (kind !== 'directory' || !hasIncluded(tree, source))) return;
    }
    const keep = options.owners === 'keep';
    const capability = kind === 'file' ? tree.options.capability?.(tree.realPath(source)) : undefined;
    entries.push({
      path: relative,
      source,
      kind,
      mode: Number(found.mode & 0o7777n),
      uid: keep ? Number(found.uid) : 0,
      gid: keep ? Number(found.gid) : 0,
      stats: found,
      ...(kind === 'symlink' ? { link: tree.readlink(source) } : {}),
      ...(capability === undefined ? {} : { capability }),
      ...(kind === 'file' && found.nlink > 1n ? { inode: `${found.dev}:${found.ino}` } : {}),
    });
    if (kind !== 'directory') return;
    for (const name of tree.names(source)) {
      const next = source === '' ? name : `${source}/${name}`;
      const below = tree.lstat(next);
      if (below === undefined)
        throw failure('CONTENT_INVALID', 'copy', displayPath(next), 'vanished while it was read');
      visit(next, relative === '' ? name : `${relative}/${name}`, below);
    }
  };
  visit(root, '', stats);
  if (entries.length === 0) throw failure('UNSUPPORTED', 'copy', pattern, 'it is a socket');
  return { name: path.slice(path.lastIndexOf('/') + 1), entries };
}

/** Undefined for a socket: layers hold none. */
function kindOf(stats: BigIntStats): SelectedKind | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isBlockDevice() ? 'block' : undefined;
}
