import { displayPath } from '../../archive/byte-path.ts';
import type { TocEntry } from '../../archive/toc.ts';
import type { ImageTree, LayerTocs } from './image-tree.ts';
import { pathsBelow } from './paths-below.ts';

export type FileAspect = 'type' | 'content' | 'mode' | 'owner' | 'link' | 'device' | 'xattrs';

/** One path that differs. A directory that came or went stands for all below it. */
export interface FileChange {
  readonly change: 'added' | 'removed' | 'changed';
  readonly path: string;
  /** What is different of a path that both have; times are not compared. */
  readonly aspects?: readonly FileAspect[];
  /** Bytes of the file before and after; absent for what is no file. */
  readonly sizeBefore?: number;
  readonly sizeAfter?: number;
}

interface Side {
  readonly tree: ImageTree;
  readonly tocs: LayerTocs;
}

/** Both trees in byte order of their paths. */
export function* diffFiles(before: Side, after: Side): Generator<FileChange> {
  const has = (side: Side, path: string) => side.tree.view.lookup(path) !== undefined;
  for (const entry of pathsBelow(before.tree.view, '', (path) => has(after, path))) {
    const other = after.tree.view.lookup(entry.path);
    if (other === undefined) {
      yield { change: 'removed', path: shown(entry), ...size('sizeBefore', entry, before) };
      continue;
    }
    const aspects = compare(entry, before, other, after);
    if (aspects.length === 0) continue;
    const sizes = { ...size('sizeBefore', entry, before), ...size('sizeAfter', other, after) };
    yield { change: 'changed', path: shown(other), aspects, ...sizes };
  }
  for (const entry of pathsBelow(after.tree.view, '', (path) => has(before, path))) {
    if (!has(before, entry.path))
      yield { change: 'added', path: shown(entry), ...size('sizeAfter', entry, after) };
  }
}

function shown({ path, type }: TocEntry): string {
  return displayPath(`/${path}${type === 'directory' && path !== '' ? '/' : ''}`);
}

function size(name: 'sizeBefore' | 'sizeAfter', entry: TocEntry, { tree }: Side): Partial<FileChange> {
  const target = tree.targetOf(entry);
  return target.type === 'file' ? { [name]: target.size } : {};
}

function compare(a: TocEntry, before: Side, b: TocEntry, after: Side): FileAspect[] {
  // One layer that both images have: the same entry.
  if (a === b && before.tree.targetOf(a) === after.tree.targetOf(b)) return [];
  const [x, y] = [before.tree.targetOf(a), after.tree.targetOf(b)];
  const found: FileAspect[] = [];
  if (x.type !== y.type) found.push('type');
  else if (x.type === 'file' && before.tocs.contentOf(x) !== after.tocs.contentOf(y)) found.push('content');
  else if (x.type === 'symlink' && x.linkname !== y.linkname) found.push('link');
  else if (x.devMajor !== y.devMajor || x.devMinor !== y.devMinor) found.push('device');
  // The mode of a symbolic link means nothing.
  if (x.mode !== y.mode && x.type !== 'symlink') found.push('mode');
  if (x.uid !== y.uid || x.gid !== y.gid) found.push('owner');
  if (xattrs(x) !== xattrs(y)) found.push('xattrs');
  return found;
}

function xattrs({ xattrs: map }: TocEntry): string {
  return [...(map ?? [])]
    .map(([name, value]) => `${name}=${value.toString('base64')}`)
    .sort()
    .join('\n');
}
