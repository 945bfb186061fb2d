import { unlinkSync } from 'node:fs';
import { access, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileLock } from '../../lib/file-lock.ts';
import { livenessOf, processToken } from '../../lib/process-identity.ts';
import type { IoOptions } from '../store.ts';
import { sweepLeftovers } from './blob-directory.ts';
import { makeDirectory } from './durable-directory.ts';
import { isMissing } from './store-failure.ts';

/** A collection of a large store may take that long. */
const waitMillis = 10 * 60_000;

/**
 * Who uses a layout, so that garbage is collected beside them and never from under them. A process takes one lease, a file named after it
 * in `leases/`, and keeps it as long as it lives; then everything that it wrote or touched since counts as used. A collection excludes
 * others by a lock, during which whoever touches a blob waits for its end and looks again: the blob is there then and stays, or is gone and
 * is made anew.
 */
export class Leases {
  readonly #directory: string;
  readonly #lock: string;

  constructor(layout: string) {
    this.#directory = join(layout, 'leases');
    this.#lock = join(layout, 'prune.lock');
  }

  /** Once more is no harm: the first time counts. */
  async take(): Promise<void> {
    await makeDirectory(this.#directory);
    let path = taken.get(this.#directory);
    if (path === undefined) {
      path = join(this.#directory, processToken());
      if (taken.size === 0) process.once('exit', giveBack);
      taken.set(this.#directory, path);
    }
    // A file that is there is left alone: its time says since when.
    await writeFile(path, '', { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }

  /** Waits while somebody collects; true when it had to. For after a touch, before the touched blob is believed to stay. */
  async settled(options: IoOptions = {}): Promise<boolean> {
    if (!(await exists(this.#lock))) return false;
    // Taking the lock waits for its holder, and takes away what a killed one left.
    await withFileLock(this.#lock, async () => {}, { ...options, waitMillis });
    return true;
  }

  /** When the oldest lease of a living process began, by the file system's clock in milliseconds since 1970; Infinity when there is none. */
  async oldest(): Promise<number> {
    return Math.min(Number.POSITIVE_INFINITY, ...(await this.#living()));
  }

  /**
   * Runs `collect`, alone, with the time (by the file system's clock, milliseconds since 1970) from which on whatever was written or touched
   * is in use: the oldest living lease's, or the start of this very collection.
   */
  async collecting<T>(collect: (usedSince: number) => Promise<T>, options: IoOptions): Promise<T> {
    const work = async (): Promise<T> => {
      let usedSince = (await stat(this.#lock)).ctimeMs;
      for (const started of await this.#living()) usedSince = Math.min(usedSince, started);
      return await collect(usedSince);
    };
    return await withFileLock(this.#lock, work, { ...options, waitMillis });
  }

  async #living(): Promise<number[]> {
    const started: number[] = [];
    try {
      await sweepLeftovers(this.#directory);
      for (const name of await readdir(this.#directory)) {
        const liveness = livenessOf(name);
        if (liveness === 'dead') continue;
        const status = await stat(join(this.#directory, name)).catch(() => undefined);
        if (status) started.push(status.ctimeMs);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return started;
  }
}

/** This process's leases by directory. */
const taken = new Map<string, string>();

function giveBack(): void {
  for (const path of taken.values()) {
    try {
      unlinkSync(path);
    } catch {
      // The directory is gone already, or the next collection takes it away.
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
