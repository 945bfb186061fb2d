import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../lib/errors.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { SnapshotLocks, type TryLock } from './snapshot-locks.ts';

/** A directory that stands for one layer. */
export interface Snapshot {
  /** `<keeper>-<number>`: its directory's name. */
  readonly id: string;
}

export interface PublishedSnapshot extends Snapshot {
  /** What it is looked up by: diffIDs, alone or with their chain. */
  readonly keys: readonly string[];
  readonly used: Date;
}

export interface SnapshotDirectoryOptions {
  /** 8 hex digits: the keeper's id. */
  readonly owner: string;
  readonly tryLock: TryLock;
  /** Default: the kernel's boot id. */
  readonly boot?: string;
}

export interface SnapshotMarks {
  /** The archive had no entry for the root: its attributes are those of a lower layer. */
  readonly impliedRoot?: boolean;
  /** Nothing of the layers below shows: overlayfs ignores an opaque mark on the root. */
  readonly opaqueRoot?: boolean;
  /** Ids of snapshots that it has files in common with, as links. */
  readonly shares?: readonly string[];
}

const markNames = ['impliedRoot', 'opaqueRoot'] as const;
const sharesName = 'shares';
const byDiff = 'by-diff';
/** Lower directories for trees that have too few: overlayfs takes none twice. */
const empty = ['empty', 'empty2'] as const;
const idPattern = /^([0-9a-f]{8})-[0-9a-z]+$/;
/** On its way out; the id is that of the keeper that deletes it. */
const goneSuffix = '.gone';

/**
 * The snapshots of a data directory: `<id>/fs` the files, `<id>/work` overlayfs' own, `by-diff/<key>` a link to the snapshot that is complete
 * and verified. Whatever no such link names belongs to the keeper in its id, or to nobody when that is gone. What a keeper found or published stays until
 * it ends (SnapshotLocks).
 */
export class SnapshotDirectory {
  readonly path: string;
  readonly #owner: string;
  readonly #boot: string;
  readonly #locks: SnapshotLocks;
  #next = 1;

  constructor(path: string, { owner, tryLock, boot = bootId() }: SnapshotDirectoryOptions) {
    this.path = path;
    this.#owner = owner;
    this.#boot = boot;
    this.#locks = new SnapshotLocks(path, tryLock);
    mkdirSync(join(path, byDiff), { recursive: true });
    for (const name of empty) mkdirSync(join(path, name, 'fs'), { recursive: true });
  }

  create(): Snapshot {
    const id = this.#newName();
    mkdirSync(join(this.path, id, 'fs'), { recursive: true, mode: 0o755 });
    mkdirSync(join(this.path, id, 'work'));
    return { id };
  }

  /** The files, relative to the directory. */
  static files(id: string): string {
    return `${id}/fs`;
  }

  static work(id: string): string {
    return `${id}/work`;
  }

  static readonly empty = `${empty[0]}/fs`;
  static readonly empty2 = `${empty[1]}/fs`;

  absolute(id: string): string {
    return join(this.path, SnapshotDirectory.files(id));
  }

  /** Remembers what overlayfs does not see. Before it is published. */
  mark(id: string, marks: SnapshotMarks): void {
    for (const name of markNames) if (marks[name]) writeFileSync(join(this.path, id, name), '');
    const { shares = [] } = marks;
    if (shares.length > 0) writeFileSync(join(this.path, id, sharesName), shares.join('\n'));
  }

  has(id: string, mark: (typeof markNames)[number]): boolean {
    return existsSync(join(this.path, id, mark));
  }

  /** SnapshotMarks.shares. */
  shares(id: string): readonly string[] {
    return readTextOrUndefined(join(this.path, id, sharesName))?.split('\n') ?? [];
  }

  /** An id that a request names: never a path. */
  checked(id: string): string {
    if (!idPattern.test(id)) throw failure('KEEPER', 'use snapshot', id, 'no such id');
    return id;
  }

  /** The published snapshot for a key. One that was never synced and comes from before a restart may have holes: it counts as none. */
  lookup(key: string): string | undefined {
    const link = this.#link(key);
    let id: string;
    try {
      id = readlinkSync(link).replace('../', '');
    } catch {
      return undefined;
    }
    if (idPattern.test(id) && this.#isWhole(id) && this.#locks.hold(id)) return id;
    // Whoever removes it may be about to do the same.
    rmSync(link, { force: true });
    return undefined;
  }

  /** Complete and verified from now on. Returns the snapshot that the key names: another keeper's when that was first. */
  publish(id: string, key: string): string {
    writeFileSync(join(this.path, id, 'unsynced'), this.#boot);
    this.#locks.hold(id);
    for (;;) {
      try {
        symlinkSync(`../${id}`, this.#link(key));
        return id;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const other = this.lookup(key);
        if (other !== undefined) return other;
      }
    }
  }

  /** Complete snapshots with their keys and the time of their last use. */
  published(): PublishedSnapshot[] {
    const keys = new Map<string, string[]>();
    for (const [key, id] of this.#links()) keys.set(id, [...(keys.get(id) ?? []), key]);
    return [...keys].flatMap(([id, names]) => {
      const made = statSync(join(this.path, id), { throwIfNoEntry: false })?.mtime;
      const used = this.#locks.lastUse(id) ?? made;
      return used === undefined ? [] : [{ id, keys: names, used }];
    });
  }

  /** Nobody finds it any more; the caller deletes what the returned name stands for. Undefined when a living keeper uses it. */
  withdraw(id: string): string | undefined {
    return this.#locks.whileUnused(this.checked(id), () => {
      for (const [key, target] of this.#links()) if (target === id) rmSync(this.#link(key), { force: true });
      return this.#moveAway(id);
    });
  }

  /** Published snapshots that were not synced when they were published. */
  unsynced(): string[] {
    return this.#published().filter(
      (id) => readTextOrUndefined(join(this.path, id, 'unsynced')) !== undefined,
    );
  }

  /** After a sync of the file system. */
  markSynced(ids: readonly string[]): void {
    for (const id of ids) rmSync(join(this.path, id, 'unsynced'), { force: true });
  }

  /** Directories that nobody will use again: unpublished, and `isAlive` says that their keeper is gone. They are renamed out of the way. */
  sweep(isAlive: (owner: string) => boolean): string[] {
    const candidates = readdirSync(this.path).filter((name) => {
      const owner = idPattern.exec(name.replace(goneSuffix, ''))?.[1];
      return owner !== undefined && owner !== this.#owner && !isAlive(owner);
    });
    // A keeper that is gone publishes no more: read behind the question, the links are final.
    const published = new Set(this.#published());
    return this.#withdrawn(candidates.filter((id) => !published.has(id)));
  }

  /** Renames a snapshot of this keeper so that nobody finds it; the caller deletes what the returned name stands for. */
  discard(id: string): string {
    this.#locks.release(this.checked(id));
    return this.#moveAway(id);
  }

  /** Unpublished snapshots of this keeper, renamed: what it leaves behind at its end. */
  discardOwn(): string[] {
    const published = new Set(this.#published());
    const own = readdirSync(this.path).filter((id) => idPattern.exec(id)?.[1] === this.#owner);
    for (const id of own) this.#locks.release(id);
    return this.#withdrawn(own.filter((id) => !published.has(id)));
  }

  /** Another keeper may sweep the same, or use what was published once. */
  #withdrawn(names: readonly string[]): string[] {
    return names.flatMap((name) => {
      try {
        if (this.#locks.lastUse(name) === undefined) return [this.#moveAway(name)];
        return this.#locks.whileUnused(name, () => this.#moveAway(name)) ?? [];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    });
  }

  #moveAway(name: string): string {
    // Named after whoever deletes it: no other keeper comes in between.
    const gone = `${this.#newName()}${goneSuffix}`;
    renameSync(join(this.path, name), join(this.path, gone));
    return gone;
  }

  #newName(): string {
    return `${this.#owner}-${(this.#next++).toString(36)}`;
  }

  #published(): string[] {
    return this.#links().map(([, id]) => id);
  }

  #links(): (readonly [key: string, id: string])[] {
    return readdirSync(join(this.path, byDiff)).flatMap((key) => {
      const id = readlinkOrUndefined(this.#link(key))?.replace('../', '');
      return id !== undefined && idPattern.test(id) ? [[key, id] as const] : [];
    });
  }

  #isWhole(id: string): boolean {
    const unsynced = readTextOrUndefined(join(this.path, id, 'unsynced'));
    if (unsynced !== undefined && unsynced !== this.#boot) return false;
    try {
      readdirSync(join(this.path, id));
      return true;
    } catch {
      return false;
    }
  }

  #link(key: string): string {
    return join(this.path, byDiff, key);
  }
}

function bootId(): string {
  return readTextOrUndefined('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function readlinkOrUndefined(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
