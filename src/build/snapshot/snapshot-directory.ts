import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../lib/errors.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';

/** A directory that stands for one layer. */
export interface Snapshot {
  /** `<keeper>-<number>`: its directory's name. */
  readonly id: string;
}

export interface SnapshotMarks {
  /** The archive had no entry for the root: its attributes are those of a lower layer. */
  readonly impliedRoot?: boolean;
  /** Nothing of the layers below shows: overlayfs ignores an opaque mark on the root. */
  readonly opaqueRoot?: boolean;
}

const markNames = ['impliedRoot', 'opaqueRoot'] as const;
const byDiff = 'by-diff';
/** Lower directories for trees that have too few: overlayfs takes none twice. */
const empty = ['empty', 'empty2'] as const;
const idPattern = /^([0-9a-f]{8})-[0-9a-z]+$/;

/**
 * The snapshots of a data directory: `<id>/fs` the files, `<id>/work` overlayfs' own, `by-diff/<key>` a link to the snapshot that is complete
 * and verified. Whatever no such link names belongs to the keeper in its id, or to nobody when that is gone.
 */
export class SnapshotDirectory {
  readonly path: string;
  readonly #owner: string;
  readonly #boot: string;
  #next = 1;

  /** `owner`: 8 hex digits, the keeper's id. */
  constructor(path: string, owner: string, boot = bootId()) {
    this.path = path;
    this.#owner = owner;
    this.#boot = boot;
    mkdirSync(join(path, byDiff), { recursive: true });
    for (const name of empty) mkdirSync(join(path, name, 'fs'), { recursive: true });
  }

  create(): Snapshot {
    const id = `${this.#owner}-${(this.#next++).toString(36)}`;
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
  }

  has(id: string, mark: keyof SnapshotMarks): boolean {
    return existsSync(join(this.path, id, mark));
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
    if (idPattern.test(id) && this.#isWhole(id)) return id;
    unlinkSync(link);
    return undefined;
  }

  /** Complete and verified from now on. Returns the snapshot that the key names: another keeper's when that was first. */
  publish(id: string, key: string): string {
    writeFileSync(join(this.path, id, 'unsynced'), this.#boot);
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

  /** Published snapshots that were not synced when they were published. */
  unsynced(): string[] {
    return this.#published().filter(
      (id) => readTextOrUndefined(join(this.path, id, 'unsynced')) !== undefined,
    );
  }

  /** After a sync of the file system. */
  markSynced(ids: readonly string[]): void {
    for (const id of ids) unlinkSync(join(this.path, id, 'unsynced'));
  }

  /** Directories that nobody will use again: unpublished, and `isAlive` says that their keeper is gone. They are renamed out of the way. */
  sweep(isAlive: (owner: string) => boolean): string[] {
    const candidates = readdirSync(this.path).filter((name) => {
      const owner = idPattern.exec(name)?.[1];
      return owner !== undefined && owner !== this.#owner && !isAlive(owner);
    });
    // A keeper that is gone publishes no more: read behind the question, the links are final.
    const published = new Set(this.#published());
    const left = readdirSync(this.path).filter((name) => name.endsWith('.gone'));
    const gone = candidates.filter((id) => !published.has(id)).map((id) => this.#moveAway(id));
    return [...left, ...gone];
  }

  /** Renames a snapshot so that nobody finds it; the caller deletes what the returned name stands for. */
  discard(id: string): string {
    return this.#moveAway(this.checked(id));
  }

  /** Unpublished snapshots of this keeper, renamed: what it leaves behind at its end. */
  discardOwn(): string[] {
    const published = new Set(this.#published());
    const own = readdirSync(this.path).filter((id) => idPattern.exec(id)?.[1] === this.#owner);
    return own.filter((id) => !published.has(id)).map((id) => this.#moveAway(id));
  }

  #moveAway(id: string): string {
    renameSync(join(this.path, id), join(this.path, `${id}.gone`));
    return `${id}.gone`;
  }

  #published(): string[] {
    return readdirSync(join(this.path, byDiff)).flatMap((key) => {
      const link = readlinkOrUndefined(this.#link(key));
      return link === undefined ? [] : [link.replace('../', '')];
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
