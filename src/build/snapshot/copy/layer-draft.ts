import { type BytePath, bytePathOf, displayPath, parentOf } from '../../../archive/byte-path.ts';
import type { EntryHeader } from '../../../archive/entry.ts';
import { canonicalJson } from '../../../lib/canonical-json.ts';
import { clampTime } from '../../../lib/epoch.ts';
import { failure } from '../../../lib/errors.ts';
import type { CopyPlan, Owner, PlannedEntry } from './copy-plan.ts';
import type { TargetView } from './target-view.ts';

const capability = 'security.capability';

interface Draft extends PlannedEntry {
  /** Equal for names of one file. */
  readonly inode?: string;
}

export interface NewDirectory extends Owner {
  readonly mode: number;
}

export interface LayerDraftOptions {
  /** SOURCE_DATE_EPOCH: clamp for modification times, seconds. Default: none. */
  readonly epoch?: number | undefined;
  /** Time of directories that are made, seconds. */
  readonly now: number;
}

/** What a step adds to a target: later entries see earlier ones, and each directory on the way down is in the layer with its metadata. */
export class LayerDraft {
  readonly #target: TargetView;
  readonly #epoch: number | undefined;
  readonly #now: number;
  readonly #drafts = new Map<BytePath, Draft>();
  readonly #facts: unknown[] = [];

  constructor(target: TargetView, options: LayerDraftOptions) {
    this.#target = target;
    this.#epoch = options.epoch;
    this.#now = options.now;
  }

  /** Something of the target that decides what the layer holds. */
  learn(fact: unknown): void {
    this.#facts.push(fact);
  }

  at(path: BytePath): EntryHeader | undefined {
    return this.#drafts.get(path)?.header ?? this.#target.lookup(path);
  }

  /** `path` in the target, every link followed. */
  resolve(path: string): BytePath {
    return this.#target.resolve(bytePathOf(path).replace(/^\/+|\/+$/g, ''));
  }

  /** Makes `path` and its missing parents; what exists is left as it is. */
  makeDirectories(path: BytePath, attributes: NewDirectory): void {
    if (path === '') return;
    const there = this.at(path);
    if (there !== undefined && there.type !== 'directory') {
      throw failure(
        'STEP_FAILED',
        'create directory',
        `/${displayPath(path)}`,
        'it exists and is no directory',
      );
    }
    if (there !== undefined) return;
    this.makeDirectories(parentOf(path), attributes);
    this.put({ path, type: 'directory', size: 0, mtime: this.#now, ...attributes });
  }

  /** Gives a directory that is there the mode, and changes nothing else of it. False where there is none. */
  setMode(path: BytePath, mode: number): boolean {
    return this.#setAttribute(path, { mode });
  }

  /** Gives a directory that is there the time, seconds, and changes nothing else of it. */
  setTime(path: BytePath, mtime: number): void {
    this.#setAttribute(path, { mtime: this.#timeOf(mtime) });
  }

  #setAttribute(path: BytePath, attribute: { readonly mode: number } | { readonly mtime: number }): boolean {
    if (this.at(path)?.type !== 'directory') return false;
    this.#keepParent(path);
    const draft = this.#drafts.get(path);
    if (draft !== undefined) this.#drafts.set(path, { ...draft, header: { ...draft.header, ...attribute } });
    return true;
  }

  #timeOf(mtime: number): number {
    return Math.max(0, clampTime(mtime, this.#epoch));
  }

  /** As `put`, and whatever is at the path goes, a directory with all in it: what an archive that is unpacked does. */
  replace(header: EntryHeader, origin: Omit<Draft, 'header'> = {}): void {
    // What is below a name came with its directories: where there is none, nothing is looked for.
    if (header.type !== 'directory' && this.#drafts.get(header.path)?.header.type === 'directory') {
      const below = `${header.path}/`;
      for (const path of this.#drafts.keys()) if (path.startsWith(below)) this.#drafts.delete(path);
    }
    this.put(header, origin);
  }

  /** The parent must be a directory. */
  put(header: EntryHeader, origin: Omit<Draft, 'header'> = {}): void {
    this.#keepParent(parentOf(header.path));
    this.#drafts.set(header.path, {
      header: { ...header, mtime: this.#timeOf(header.mtime) },
      ...origin,
    });
  }

  finish(): CopyPlan {
    const names = new Map<string, BytePath>();
    const paths = [...this.#drafts.keys()].sort(byTree);
    const entries = paths.map((path): PlannedEntry => {
      const { inode, ...entry } = this.#drafts.get(path) as Draft;
      const first = inode === undefined ? undefined : names.get(inode);
      if (first !== undefined) {
        return { header: { ...entry.header, type: 'hardlink', size: 0, linkname: first } };
      }
      if (inode !== undefined) names.set(inode, path);
      return entry;
    });
    return { entries, facts: canonicalJson(this.#facts) };
  }

  /** A layer extracted alone would mask the lower directory's owner and mode, so every changed name's parents go in too. */
  #keepParent(path: BytePath): void {
    if (path === '' || this.#drafts.has(path)) return;
    const there = this.#target.lookup(path);
    if (there?.type !== 'directory') {
      throw failure('STEP_FAILED', 'copy to', `/${displayPath(path)}`, 'it is no directory');
    }
    const { mode, uid, gid, mtime } = there;
    const xattr = there.xattrs?.get(capability);
    this.learn({ path, mode, uid, gid, capability: xattr?.toString('hex') });
    this.put({
      path,
      type: 'directory',
      mode,
      uid,
      gid,
      size: 0,
      mtime,
      ...(xattr && { xattrs: new Map([[capability, xattr]]) }),
    });
  }
}

/** Names in byte order, directory by directory: a slash sorts before every other byte. */
function byTree(a: BytePath, b: BytePath): number {
  const [x, y] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  return x < y ? -1 : x > y ? 1 : 0;
}
