import { bytePathOf, displayPath } from '../../../archive/byte-path.ts';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import { compileGoMatch, hasWildcard } from '../../../lib/go-match.ts';
import { type ParentMatch, PathPatterns } from '../../../lib/path-patterns.ts';
import { EntryColumns } from './entry-columns.ts';
import { textOf } from './rooted-tree.ts';
import type { SelectedKind } from './selected-entry.ts';
import { SelectedItem, Selection } from './selection.ts';
import type { SourceStats, SourceTree } from './source-tree.ts';

/** What one word of a COPY or ADD asks for. */
export interface SourcePattern {
  /** As Go's filepath.Match has it, relative to the tree's root, variables expanded. */
  readonly pattern: string;
  /** The pattern is a path: no wildcards, the last link is not followed. Default false. */
  readonly literal?: boolean;
  /** False: the pattern is a path whatever characters it has; links are followed. Default true. */
  readonly wildcards?: boolean;
  /** `--parents`: what is taken below the pattern's matches, with its parents there. Default: all. */
  readonly include?: string;
  /** `--exclude`: patterns of what is left out below the pattern's matches. */
  readonly exclude?: readonly string[];
  /** ADD: an archive is unpacked. Default false. */
  readonly unpack?: boolean;
}

export interface SelectOptions {
  /** A build context's ids mean nothing in an image: `zero`. A stage's are kept. */
  readonly owners: 'zero' | 'keep';
  readonly signal: AbortSignal;
}

/** A text is a pattern alone. NOT_FOUND where a source that is no pattern does not exist. */
export function selectSources(
  tree: SourceTree,
  sources: readonly (string | SourcePattern)[],
  options: SelectOptions,
): Selection {
  const items: SelectedItem[] = [];
  for (const given of sources) {
    const source = typeof given === 'string' ? { pattern: given } : given;
    const filter = filterOf(source);
    const isPattern = !source.literal && source.wildcards !== false && hasWildcard(source.pattern);
    const found = isPattern ? matches(tree, source.pattern, options.signal) : [literalPath(source)];
    for (const path of found) {
      const item = new ItemWalk(tree, filter, options).select(path, source);
      if (item !== undefined) items.push(item);
      const isMissing = isPattern
        ? tree.lstat(tree.resolve(path)) === undefined
        : item === undefined || lacksIncluded(tree, item, source);
      if (isMissing) throw missing(tree, path, source);
    }
  }
  return new Selection(items);
}

interface Filter {
  readonly include: PathPatterns | undefined;
  readonly exclude: PathPatterns | undefined;
}

function filterOf({ include, exclude }: SourcePattern): Filter {
  return {
    include: include === undefined ? undefined : new PathPatterns([include]),
    exclude: exclude === undefined || exclude.length === 0 ? undefined : new PathPatterns(exclude),
  };
}

/** `--parents` of a path without wildcards takes that path, or fails; what `--exclude` leaves of it may be nothing. */
function lacksIncluded(tree: SourceTree, { columns, root }: SelectedItem, source: SourcePattern): boolean {
  const { include = '' } = source;
  if (include === '' || hasWildcard(include) || columns.length > 1) return false;
  const path = [...(root === '' ? [] : [root]), ...clean(include).map(bytePathOf)].join('/');
  const stats = tree.resolve(path) === path ? tree.lstat(path) : undefined;
  return stats === undefined || tree.verdict(path, stats.isDirectory()) === 'exclude';
}

function missing(tree: SourceTree, path: string, { pattern, include }: SourcePattern): Error {
  const named = include === undefined ? pattern : `${pattern}/${include}`.replace(/^\.?\//, '');
  if (include === undefined && tree.lstat(tree.resolve(path)) !== undefined) {
    return failure('NOT_FOUND', 'copy', named, 'it is excluded by the ignore file', {
      hint: 'look at .dockerignore',
    });
  }
  return failure('NOT_FOUND', 'copy', named, 'no such file or directory in the source', {
    hint: 'source paths are relative to the root of the build context or stage',
  });
}

/** Without a wildcard a backslash is a character of the name. */
function literalPath({ pattern }: SourcePattern): string {
  return clean(pattern).map(bytePathOf).join('/');
}

/** A pattern's matches in byte order; none is no error (BuildKit's AllowEmptyWildcard), but what is before the first wildcard must be there. */
function matches(tree: SourceTree, pattern: string, signal: AbortSignal): string[] {
  const parts = clean(pattern);
  const first = parts.findIndex(hasWildcard);
  const regexps = parts.slice(first).map((part) => {
    const regexp = compileGoMatch(part);
    if (regexp === undefined) throw failure('DOCKERFILE', 'copy', pattern, 'the pattern is malformed');
    return regexp;
  });
  const base = tree.resolve(bytePathOf(parts.slice(0, first).join('/')));
  if (!tree.lstat(base)?.isDirectory() || (base !== '' && tree.verdict(base, true) === 'exclude')) {
    throw failure('NOT_FOUND', 'copy', pattern, `there is no directory "${displayPath(base)}" in the source`);
  }
  const found: string[] = [];
  const walk = (path: string, depth: number): void => {
    throwIfAborted(signal);
    const regexp = regexps[depth];
    if (regexp === undefined) return;
    for (const name of tree.names(path)) {
      if (!regexp.test(textOf(name))) continue;
      const next = path === '' ? name : `${path}/${name}`;
      const isDirectory = tree.lstat(next)?.isDirectory() ?? false;
      if (tree.verdict(next, isDirectory) === 'exclude') continue;
      if (depth === regexps.length - 1) found.push(next);
      else if (isDirectory) walk(next, depth + 1);
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

/** What is known of a directory on the way down. */
interface Level {
  /** In the source tree. */
  readonly source: string;
  readonly stats: SourceStats;
  /** Not taken itself yet: it is when something below it is. */
  taken: boolean;
  /** The filters leave it out. */
  readonly filtered?: boolean;
  readonly above: Level | undefined;
  readonly include?: ParentMatch | undefined;
  readonly exclude?: ParentMatch | undefined;
}

class ItemWalk {
  readonly #tree: SourceTree;
  readonly #filter: Filter;
  readonly #options: SelectOptions;
  readonly #columns = new EntryColumns();

  constructor(tree: SourceTree, filter: Filter, options: SelectOptions) {
    this.#tree = tree;
    this.#filter = filter;
    this.#options = options;
  }

  /** Undefined when nothing is taken. */
  select(path: string, source: SourcePattern): SelectedItem | undefined {
    const root = source.literal ? path : this.#tree.resolve(path);
    const stats = this.#tree.lstat(root);
    if (stats === undefined) return undefined;
    const kind = kindOf(stats);
    if (kind === undefined) throw failure('UNSUPPORTED', 'copy', source.pattern, 'it is a socket');
    const isDirectory = kind === 'directory';
    const verdict = root === '' ? 'include' : this.#tree.verdict(root, isDirectory);
    if (verdict === 'exclude') return undefined;
    const taken = verdict === 'include';
    if (isDirectory) this.#descend({ source: root, stats, taken: false, above: undefined }, root, taken);
    // Below a file nothing can be included.
    else if (taken && source.include === undefined) this.#add(root, kind, stats);
    if (this.#columns.length === 0) return undefined;
    const name = path.slice(path.lastIndexOf('/') + 1);
    return new SelectedItem(this.#tree, this.#columns, { name, root, unpack: source.unpack ?? false });
  }

  #descend(level: Level, root: string, take: boolean): void {
    throwIfAborted(this.#options.signal);
    if (take) this.#take(level);
    const parent = level.source === '' ? '' : `${level.source}/`;
    for (const name of this.#tree.names(level.source)) this.#visit(parent + name, root, level);
  }

  #visit(source: string, root: string, level: Level): void {
    const stats = this.#tree.lstat(source);
    if (stats === undefined)
      throw failure('CONTENT_INVALID', 'copy', displayPath(source), 'vanished while it was read');
    const kind = kindOf(stats);
    const isDirectory = kind === 'directory';
    const verdict = this.#tree.verdict(source, isDirectory);
    if (verdict === 'exclude') return;
    const { include, exclude } = this.#filter;
    const isFiltered = include !== undefined || exclude !== undefined;
    const text = isFiltered ? textOf(root === '' ? source : source.slice(root.length + 1)) : '';
    const included = include?.enter(text, level.include);
    const excluded = exclude?.enter(text, level.exclude);
    const filtered = included?.matched === false || excluded?.matched === true;
    const take = verdict === 'include' && !filtered;
    if (!isDirectory && !take) return;
    // Below it nothing can be taken.
    if (excluded?.matched && !exclude?.mayTakeBack(text)) return;
    if (included?.matched === false && !include?.mayMatchBelow(text)) return;
    // Layers hold no socket.
    if (kind === undefined) return;
    if (!isDirectory) {
      this.#take(level);
      this.#add(source, kind, stats);
      return;
    }
    const matches = { include: included?.match, exclude: excluded?.match };
    this.#descend({ source, stats, taken: false, filtered, above: level, ...matches }, root, take);
  }

  #take(level: Level): void {
    if (level.taken) return;
    if (level.above !== undefined) this.#take(level.above);
    level.taken = true;
    this.#add(level.source, 'directory', level.stats, level.filtered);
  }

  #add(source: string, kind: SelectedKind, stats: SourceStats, onTheWay?: boolean): void {
    const tree = this.#tree;
    const keep = this.#options.owners === 'keep';
    const isFile = kind === 'file';
    const link = kind === 'symlink' ? tree.readlink(source) : undefined;
    const capability = isFile ? tree.capability(source) : undefined;
    const inode = isFile && stats.nlink > 1 ? tree.inode(source, stats) : undefined;
    const isRare = link !== undefined || capability !== undefined || inode !== undefined || onTheWay;
    const rare = isRare ? { link, capability, inode, onTheWay: onTheWay || undefined } : undefined;
    const [uid, gid] = keep ? [stats.uid, stats.gid] : [0, 0];
    this.#columns.add(source, kind, stats.mode & 0o7777, uid, gid, stats, rare);
  }
}

/** Undefined for a socket. */
function kindOf(stats: SourceStats): SelectedKind | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isBlockDevice() ? 'block' : undefined;
}
