import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { failure, reasonOf } from '../../lib/errors.ts';

/** Raised when the meaning of a key or record changes: records of another version are never read. */
const recordVersion = 1;

export interface RecordEntry<T> {
  readonly key: string;
  readonly value: T;
  readonly written: Date;
}

/**
 * Small JSON records by key, one file each below `directory`, written atomically. A record that is missing, torn or of another version
 * is a miss, never an error: the cache may be deleted at any time.
 */
export class RecordStore<T> {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = join(directory, `v${recordVersion}`);
  }

  async get(key: string): Promise<T | undefined> {
    try {
      const { key: stored, value } = JSON.parse(await readFile(this.#path(key), 'utf8')) as {
        key: string;
        value: T;
      };
      return stored === key ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** Every record with the time of its writing, those that cannot be read left out. */
  async *entries(): AsyncIterable<RecordEntry<T>> {
    const names = await readdir(this.#directory, { recursive: true }).catch(() => []);
    for (const name of names) {
      if (!name.endsWith('.json')) continue;
      const path = join(this.#directory, name);
      try {
        const [text, { mtime }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
        const { key, value } = JSON.parse(text) as { key: string; value: T };
        if (this.#path(key) === path) yield { key, value, written: mtime };
      } catch {
        // As for `get`: a miss.
      }
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  async set(key: string, value: T): Promise<void> {
    const path = this.#path(key);
    try {
      await mkdir(join(path, '..'), { recursive: true });
      await writeFileAtomic(path, JSON.stringify({ key, value }), { sync: false });
    } catch (error) {
      throw failure('STORE', 'write cache record', path, reasonOf(error), { cause: error });
    }
  }

  #path(key: string): string {
    const hex = hexOf(digestOf(key));
    return join(this.#directory, hex.slice(0, 2), `${hex.slice(2)}.json`);
  }
}
