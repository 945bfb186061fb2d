import { closeSync, constants, fstatSync, futimesSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** As `MountCalls.tryLock`: the kernel takes the lock away when the descriptor is closed, however its process ends. */
export type TryLock = (fd: number, kind?: 'shared' | 'exclusive') => boolean;

/** What is locked; its time is that of the snapshot's last use. */
const usedName = 'used';

/**
 * Who uses a published snapshot, across processes and containers: a shared lock on `<id>/used` says so, and whoever removes a snapshot takes it
 * exclusively first. Nobody waits for such a lock.
 */
export class SnapshotLocks {
  readonly #directory: string;
  readonly #tryLock: TryLock;
  readonly #held = new Map<string, number>();

  constructor(directory: string, tryLock: TryLock) {
    this.#directory = directory;
    this.#tryLock = tryLock;
  }

  /** Nobody removes it as long as this process lives. False when it is gone, or going. */
  hold(id: string): boolean {
    if (this.#held.has(id)) return true;
    const fd = this.#lock(id, 'shared');
    if (fd === undefined) return false;
    const now = new Date();
    futimesSync(fd, now, now);
    this.#held.set(id, fd);
    return true;
  }

  release(id: string): void {
    const fd = this.#held.get(id);
    if (fd === undefined) return;
    this.#held.delete(id);
    closeSync(fd);
  }

  /** Runs `remove` while nobody uses the snapshot or begins to. Undefined, and nothing was run, when somebody does. */
  whileUnused<T>(id: string, remove: () => T): T | undefined {
    const fd = this.#lock(id, 'exclusive');
    if (fd === undefined) return undefined;
    try {
      return remove();
    } finally {
      closeSync(fd);
    }
  }

  lastUse(id: string): Date | undefined {
    return statSync(this.#path(id), { throwIfNoEntry: false })?.mtime;
  }

  #lock(id: string, kind: 'shared' | 'exclusive'): number | undefined {
    let fd: number;
    try {
      fd = openSync(this.#path(id), constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    // Whoever had it exclusively may have renamed the directory.
    if (this.#tryLock(fd, kind) && this.#isThere(fd, id)) return fd;
    closeSync(fd);
    return undefined;
  }

  #isThere(fd: number, id: string): boolean {
    const [held, there] = [fstatSync(fd), statSync(this.#path(id), { throwIfNoEntry: false })];
    return there !== undefined && held.ino === there.ino && held.dev === there.dev;
  }

  #path(id: string): string {
    return join(this.#directory, id, usedName);
  }
}
