import {
  type BytePath,
  baseNameOf,
  displayPath,
  joinBytePath,
  parentOf,
} from '../../../archive/byte-path.ts';
import type { EntryHeader } from '../../../archive/entry.ts';
import { failure } from '../../../lib/errors.ts';
import type { FileMode } from '../../../lib/file-mode.ts';
import { deviceOf } from '../device-number.ts';
import type { CopyPlan, Owner } from './copy-plan.ts';
import { LayerDraft } from './layer-draft.ts';
import type { SelectedEntry } from './selected-entry.ts';
import type { SelectedItem, Selection } from './selection.ts';
import type { TargetView } from './target-view.ts';
import { type UnpackOptions, unpackArchive } from './unpack-archive.ts';

export interface PlaceOptions {
  /** Absolute; a trailing slash says that it is a directory. */
  readonly destination: string;
  /** `--chown`, already looked up. Default: the owners that the selection has, and root for directories made on the way. */
  readonly owner?: Owner | undefined;
  /**
   * `--chmod`: the mode of everything copied; in octal also of directories made on the way, as BuildKit has it. Default: the source's, 0755.
   */
  readonly mode?: FileMode | undefined;
  /** How archives are unpacked, where the selection has some to unpack. */
  readonly unpack?: UnpackOptions | undefined;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
  /** Time of directories that are made on the way, seconds. */
  readonly now: number;
}

/**
 * Where each selected file goes in the target (BuildKit solver/llbsolver/file/backend.go, fsutil copy/copy.go): a directory gives its
 * contents; a file goes into `destination` if that ends in a slash or is a directory; an existing directory that is itself the
 * destination keeps its metadata but the time, those below are overwritten; links in the destination are followed, links below it are not.
 */
export async function placeSelection(
  selection: Selection,
  target: TargetView,
  options: PlaceOptions,
): Promise<CopyPlan> {
  const placement = new Placement(new LayerDraft(target, options), options);
  for (const item of selection.items) await placement.place(item);
  return placement.draft.finish();
}

class Placement {
  readonly draft: LayerDraft;
  readonly #options: PlaceOptions;
  readonly #destination: BytePath;
  #placed = 0;

  constructor(draft: LayerDraft, options: PlaceOptions) {
    this.draft = draft;
    this.#options = options;
    this.#destination = draft.resolve(options.destination);
    draft.learn({ destination: this.#destination, owner: options.owner });
  }

  async place(item: SelectedItem): Promise<void> {
    const [first] = item.entries;
    if (first === undefined) return;
    if (item.unpack && first.kind === 'file' && this.#options.unpack !== undefined) {
      const onto = { path: this.#destination, owner: this.#options.owner };
      if (await unpackArchive(first, this.draft, onto, this.#options.unpack)) return;
    }
    if (this.#options.destination.endsWith('/')) this.#makeDirectories(this.#destination);
    const there = this.draft.at(this.#destination);
    const isDirectory = there?.type === 'directory';
    if (this.#placed++ === 0) this.draft.learn({ isDirectory });
    if (first.kind === 'directory') {
      if (there !== undefined && !isDirectory)
        throw this.#failed(this.#destination, 'a directory onto a non-directory');
      this.#makeDirectories(this.#destination);
    }
    const root =
      first.kind === 'directory' || !isDirectory
        ? this.#destination
        : joinBytePath(this.#destination, item.name);
    this.#makeDirectories(parentOf(root));
    for (const entry of item.entries) {
      if (entry.kind === 'directory' && entry.path === '') continue;
      const path = entry.path === '' ? root : joinBytePath(root, entry.path);
      this.#put(path, entry);
    }
    if (first.kind === 'directory' && first.path === '' && !first.onTheWay)
      this.draft.setTime(root, Math.floor(first.stats.mtimeMs / 1000));
  }

  #put(path: BytePath, entry: SelectedEntry): void {
    const there = this.draft.at(path);
    if (entry.kind === 'directory' && there !== undefined && there.type !== 'directory')
      throw this.#failed(path, 'a directory onto a non-directory');
    if (entry.kind !== 'directory' && there?.type === 'directory')
      throw this.#failed(path, 'a file onto a directory');
    if (baseNameOf(path).startsWith('.wh.')) {
      throw failure(
        'UNSUPPORTED',
        'copy',
        displayPath(entry.source),
        'in a layer a name that begins with ".wh." means a deletion',
      );
    }
    if (entry.onTheWay && this.draft.setMode(path, entry.mode)) return;
    this.draft.put(this.#header(path, entry), {
      ...(entry.kind === 'file' && { source: entry }),
      // Names are shared within what one source gives, not across sources.
      ...(entry.inode !== undefined && { inode: `${this.#placed}:${entry.inode}` }),
    });
  }

  #header(path: BytePath, entry: SelectedEntry): EntryHeader {
    const { kind, stats } = entry;
    const device = kind === 'char' || kind === 'block' ? deviceOf(stats.rdev) : undefined;
    return {
      path,
      type: kind,
      mode: kind === 'symlink' ? 0o777 : this.#modeOf(entry),
      uid: this.#options.owner?.uid ?? entry.uid,
      gid: this.#options.owner?.gid ?? entry.gid,
      size: kind === 'file' ? stats.size : 0,
      mtime: Math.floor(stats.mtimeMs / 1000),
      ...(entry.link !== undefined && { linkname: entry.link }),
      ...(entry.capability && { xattrs: new Map([['security.capability', entry.capability]]) }),
      ...(device && { devMajor: device.major, devMinor: device.minor }),
    };
  }

  #modeOf({ mode, kind }: SelectedEntry): number {
    return this.#options.mode?.apply(mode, kind === 'directory') ?? mode;
  }

  #makeDirectories(path: BytePath): void {
    const { uid, gid } = this.#options.owner ?? { uid: 0, gid: 0 };
    // Go's os.Mkdir takes no more than the permissions of a number: directories on the way are never setuid or sticky.
    this.draft.makeDirectories(path, { mode: (this.#options.mode?.absolute ?? 0o755) & 0o777, uid, gid });
  }

  #failed(path: BytePath, what: string): Error {
    return failure('STEP_FAILED', 'copy to', `/${displayPath(path)}`, `${what} is not possible`);
  }
}
