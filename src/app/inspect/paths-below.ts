import { type BytePath, joinBytePath } from '../../archive/byte-path.ts';
import type { MergedView } from '../../archive/merged-view.ts';
import type { TocEntry } from '../../archive/toc.ts';

/** Every path at and below `start` in byte order of the names, directories first; `enter` says which directories are gone into. */
export function* pathsBelow(
  view: MergedView,
  start: BytePath,
  enter: (path: BytePath) => boolean = () => true,
): Generator<TocEntry> {
  const pending = [start];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const entry = view.lookup(path);
    if (entry === undefined) continue;
    yield entry;
    if (!enter(path)) continue;
    const names = view.readdir(path);
    for (let at = names.length - 1; at >= 0; at--) pending.push(joinBytePath(path, names[at] ?? ''));
  }
}
