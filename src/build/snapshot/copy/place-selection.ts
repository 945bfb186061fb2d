import { type BytePath, joinBytePath } from '../../../archive/byte-path.ts';
import type { EntryHeader, EntryType } from '../../../archive/entry.ts';
import type { MergedView } from '../../../archive/merged-view.ts';
import { clampTime } from '../../../lib/epoch.ts';
import { failure } from '../../../lib/errors.ts';
import { type CopyPlan, CopyPlanner, type Owner, targetPath } from './copy-plan.ts';
import type { SelectedEntry, SelectedItem, Selection } from './select-sources.ts';

export interface PlaceOptions {
  /** Absolute; a trailing slash says that it is a directory. */
  readonly destination: string;
  /** `--chown`, already looked up. */
  readonly owner?: Owner | undefined;
  /** `--chmod`: permission bits for files and directories that are copied. */
  readonly mode?: number | undefined;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
  /** Time of directories that are made on the way, seconds. */
  readonly now: number;
}

/** `--chmod` as octal digits. DOCKERFILE when it is something else. */
export function parseChmod(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) {
    throw failure('DOCKERFILE', 'use --chmod', text, 'not octal digits', { hint: '--chmod=755 is a mode' });
  }
  return Number.parseInt(text, 8);
}

/**
 * Where the sources of a COPY come to lie in the target (dockerfile reference, COPY; fsutil copy): a directory's contents, not itself; a file
 * below a destination that is a directory, else under the destination's own name.
 */
export function placeSelection(selection: Selection, target: MergedView, options: PlaceOptions): CopyPlan {
  const planner = new CopyPlanner(target, {
    owner: options.owner,
    madeAt: clampTime(options.now, options.epoch),
  });
  const destination = planner.resolve(targetPath(options.destination));
  const named = options.destination.endsWith('/') || selection.items.length > 1;
  for (const item of selection.items) {
    const [first] = item.entries;
    if (first === undefined) continue;
    if (first.kind === 'directory') {
      planner.directory(destination);
      place(planner, item, destination, options);
    } else {
      const below = named || planner.isDirectory(destination);
      const path = below ? planner.resolve(joinBytePath(destination, item.name)) : destination;
      place(planner, item, path, options);
    }
  }
  return planner.plan();
}

function place(planner: CopyPlanner, item: SelectedItem, root: BytePath, options: PlaceOptions): void {
  const firstNames = new Map<string, BytePath>();
  for (const entry of item.entries) {
    // The copied directory itself: an existing target keeps its metadata, a new one was made above.
    if (entry.path === '' && entry.kind === 'directory') continue;
    const path = entry.path === '' ? root : joinBytePath(root, entry.path);
    const linked = entry.inode === undefined ? undefined : firstNames.get(entry.inode);
    if (entry.inode !== undefined && linked === undefined) firstNames.set(entry.inode, path);
    const header = headerOf(entry, path, linked, options);
    planner.add(header, header.type === 'file' ? entry : undefined);
  }
}

function headerOf(
  entry: SelectedEntry,
  path: BytePath,
  linked: BytePath | undefined,
  options: PlaceOptions,
): EntryHeader {
  const type: EntryType = linked === undefined ? entry.kind : 'hardlink';
  const { uid, gid } = options.owner ?? entry;
  const device = entry.stats.rdev;
  return {
    path,
    type,
    mode: type === 'symlink' ? 0o777 : (options.mode ?? entry.mode),
    uid,
    gid,
    size: type === 'file' ? Number(entry.stats.size) : 0,
    mtime: clampTime(Math.floor(Number(entry.stats.mtimeNs / 1_000_000_000n)), options.epoch),
    ...(type === 'hardlink'
      ? { linkname: linked }
      : entry.link === undefined
        ? {}
        : { linkname: entry.link }),
    // Linux's makedev: 12 bits of major above the low 8 of minor, the rest above.
    ...(type === 'char' || type === 'block'
      ? {
          devMajor: Number((device >> 8n) & 0xfffn),
          devMinor: Number((device & 0xffn) | ((device >> 12n) & 0xfff00n)),
        }
      : {}),
    ...(type === 'file' && entry.capability
      ? { xattrs: new Map([['security.capability', entry.capability]]) }
      : {}),
  };
}
