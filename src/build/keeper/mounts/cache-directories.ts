import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import type { MountCalls } from '../../snapshot/mount-calls.ts';
import { removeTree } from '../../snapshot/remove-tree.ts';
import type { CacheMount, Tree } from '../protocol.ts';

export interface CacheDirectoriesOptions {
  /** The data directory's `cache-mounts`. */
  readonly directory: string;
  readonly calls: MountCalls;
  /** Copies what a cache begins with into a new directory. */
  readonly copyTree: (tree: Tree, directory: string, signal: AbortSignal) => Promise<void>;
}

/** A cache that this step may use until it releases it. */
export interface HeldCache {
  /** The cache, or what is at a path in it: for a bind mount of this process. NOT_FOUND. */
  path(source: string): string;
  release(): void;
}

/** As BuildKit's (solver/llbsolver/mounts). */
const pollMilliseconds = 100;
/** Side by side uses of one cache in `private`: more are a mistake. */
const maxSlots = 1000;

/**
 * The directories of cache mounts: `<key>/cache.json` says whose, `<key>/<number>/fs` is one. A lock on `<key>/<number>/lock` says that it is in use, across processes
 * and containers; the kernel takes it away from a keeper that ends, however that happens.
 */
export class CacheDirectories {
  readonly #options: CacheDirectoriesOptions;

  constructor(options: CacheDirectoriesOptions) {
    this.#options = options;
  }

  /** Waits for it where its sharing mode says so. */
  async hold(cache: CacheMount, signal: AbortSignal): Promise<HeldCache> {
    const own = join(this.#options.directory, checkedKey(cache.key));
    mkdirSync(own, { recursive: true, mode: 0o711 });
    for (let slot = 0; slot < maxSlots; slot++) {
      const directory = join(own, String(slot));
      const lock = await this.#lock(directory, cache.sharing, signal);
      if (lock === undefined) continue;
      try {
        await this.#begin(cache, directory, signal);
      } catch (error) {
        closeSync(lock);
        throw error;
      }
      return this.#held(join(directory, 'fs'), lock);
    }
    throw failure('LIMIT', 'mount cache', cache.id, `${maxSlots} others use it at once`);
  }

  /** Descriptor that holds the lock; undefined when a `private` one has to look further. */
  async #lock(
    directory: string,
    sharing: CacheMount['sharing'],
    signal: AbortSignal,
  ): Promise<number | undefined> {
    for (;;) {
      throwIfAborted(signal);
      mkdirSync(directory, { recursive: true, mode: 0o711 });
      const path = join(directory, 'lock');
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      const locked = this.#options.calls.tryLock(fd, sharing === 'shared' ? 'shared' : 'exclusive');
      // Who prunes holds the lock while it deletes: what was locked may be gone from its place.
      if (locked && isSame(fd, path)) return fd;
      closeSync(fd);
      if (locked) continue;
      if (sharing === 'private') return undefined;
      await sleep(pollMilliseconds, undefined, { signal }).catch(() => {});
    }
  }

  /** Makes the directory where it is new, whole or not at all; one of several that share it does. */
  async #begin(cache: CacheMount, directory: string, signal: AbortSignal): Promise<void> {
    const files = join(directory, 'fs');
    if (existsSync(files)) return;
    const beginning = await this.#lock(join(directory, 'begin'), 'locked', signal);
    if (beginning === undefined) return;
    try {
      if (existsSync(files)) return;
      const { id, platform } = cache;
      writeFileSync(join(directory, '../cache.json'), `${JSON.stringify({ id, platform })}\n`);
      const fresh = join(directory, 'fs.new');
      removeTree(fresh);
      mkdirSync(fresh, { mode: 0o755 });
      if ('tree' in cache.start) await this.#options.copyTree(cache.start.tree, fresh, signal);
      else {
        chownSync(fresh, cache.start.uid, cache.start.gid);
        chmodSync(fresh, cache.start.mode);
      }
      renameSync(fresh, files);
    } finally {
      closeSync(beginning);
    }
  }

  #held(files: string, lock: number): HeldCache {
    const opened: number[] = [];
    return {
      path: (source) => {
        if (source === '/') return files;
        // Whoever shares the cache may change it meanwhile: the kernel follows its links, inside.
        const fd = this.#options.calls.openInRoot(files, source);
        if (fd === undefined) throw failure('NOT_FOUND', 'mount', source, 'the cache has no such path');
        opened.push(fd);
        return `/proc/self/fd/${fd}`;
      },
      release() {
        for (const fd of opened) closeSync(fd);
        closeSync(lock);
      },
    };
  }
}

function checkedKey(key: string): string {
  if (!/^[0-9a-f]{16,64}$/.test(key)) throw failure('KEEPER', 'use cache', key, 'no such key');
  return key;
}

function isSame(fd: number, path: string): boolean {
  const [held, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && held.ino === there.ino && held.dev === there.dev;
}
