import { closeSync, existsSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { MountCalls } from '../snapshot/mount-calls.ts';

const lockName = 'lock';
const unlockedSuffix = '.new';
/** A keeper has its lock long before this. */
const startMilliseconds = 60_000;

/**
 * Says which keepers live: each holds a lock on a file in its directory, which the kernel takes from it when it ends, however that happens. Unlike
 * process ids this holds across PID namespaces and containers that share the data directory.
 */
export class KeeperLocks {
  readonly #directory: string;
  readonly #calls: MountCalls;

  constructor(directory: string, calls: MountCalls) {
    this.#directory = directory;
    this.#calls = calls;
  }

  /** Makes this keeper's directory and holds its lock until the process ends. */
  take(id: string): string {
    const own = join(this.#directory, id);
    // Renamed when it is locked: nobody ever sees the directory of a living keeper without its lock.
    const unlocked = `${own}${unlockedSuffix}`;
    mkdirSync(unlocked, { mode: 0o700 });
    this.#calls.tryLock(openSync(join(unlocked, lockName), 'wx', 0o600));
    renameSync(unlocked, own);
    return own;
  }

  isAlive(id: string): boolean {
    const path = join(this.#directory, id, lockName);
    if (!existsSync(path)) return false;
    const fd = openSync(path, 'r');
    try {
      return !this.#calls.tryLock(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Ids of directories whose keeper is gone. */
  dead(): string[] {
    return readdirSync(this.#directory).filter((name) => {
      if (!name.endsWith(unlockedSuffix)) return !this.isAlive(name);
      const made = lstatSync(join(this.#directory, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
      return Date.now() - made > startMilliseconds;
    });
  }
}
