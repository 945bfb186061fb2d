import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import type { MountCalls } from '../../snapshot/mount-calls.ts';
import { removeTree } from '../../snapshot/remove-tree.ts';
import type { CacheMount, FileOwner, FillCacheRequest, LayerBlob, Tree } from '../protocol.ts';

export interface CacheDirectoriesOptions {
  /** The data directory's `cache-mounts`. */
  readonly directory: string;
  /** The keeper's id. */
  readonly owner: string;
  readonly calls: Pick<MountCalls, 'tryLock' | 'openInRoot'>;
  /** Copies what a cache begins with into a new directory. */
  readonly copyTree: (tree: Tree, directory: string, signal: AbortSignal) => Promise<void>;
  readonly extract: (blob: LayerBlob, directory: string, signal: AbortSignal) => Promise<void>;
}

/** A cache as `cache ls` shows it. */
export interface ListedCache {
  readonly key: string;
  /** As the Dockerfile has it. */
  readonly id: string;
  readonly platform: string;
  readonly used: Date;
  readonly path: string;
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
/** `<key>.<keeper>.gone`: on its way out. */
const gonePattern = /^[0-9a-f]{16,64}\.([0-9a-f]{8})\.gone$/;
const keyPattern = /^[0-9a-f]{16,64}$/;

/**
 * The directories of cache mounts: `<key>/cache.json` says whose, `<key>/<number>/fs` is one. A lock on `<key>/<number>/lock` says that it is in use, across processes
 * and containers; the kernel takes it away from a keeper that ends, however that happens. Whoever uses any of them shares the lock `<key>/lock`, whose time is that
 * of the last use; whoever removes the cache has it alone.
 */
export class CacheDirectories {
  readonly #options: CacheDirectoriesOptions;

  constructor(options: CacheDirectoriesOptions) {
    this.#options = options;
  }

  /** Waits for it where its sharing mode says so. */
  async hold(cache: CacheMount, signal: AbortSignal): Promise<HeldCache> {
    const directory = join(this.#options.directory, checkedKey(cache.key));
    const door = await this.#lock(directory, 'shared', signal);
    if (door === undefined) throw failure('KEEPER', 'mount cache', cache.id, 'it is in use');
    const now = new Date();
    futimesSync(door, now, now);
    try {
      const slot = await this.#slot(cache, directory, signal);
      return this.#held(join(slot.directory, 'fs'), [slot.lock, door]);
    } catch (error) {
      closeSync(door);
      throw error;
    }
  }

  async #slot(cache: CacheMount, parent: string, signal: AbortSignal) {
    for (let slot = 0; slot < maxSlots; slot++) {
      const directory = join(parent, String(slot));
      const lock = await this.#lock(directory, cache.sharing, signal);
      if (lock === undefined) continue;
      try {
        await this.#begin(cache, directory, signal, async (fresh) => {
          if ('tree' in cache.start) await this.#options.copyTree(cache.start.tree, fresh, signal);
          else own(fresh, cache.start);
        });
      } catch (error) {
        closeSync(lock);
        throw error;
      }
      return { directory, lock };
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
      const fd = openLock(path);
      // Who prunes moved the directory away in between.
      if (fd === undefined) continue;
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
  async #begin(
    { id, platform }: Pick<CacheMount, 'id' | 'platform'>,
    directory: string,
    signal: AbortSignal,
    fill: (fresh: string) => Promise<void>,
  ): Promise<void> {
    const files = join(directory, 'fs');
    if (existsSync(files)) return;
    const beginning = await this.#lock(join(directory, 'begin'), 'locked', signal);
    if (beginning === undefined) return;
    try {
      if (existsSync(files)) return;
      writeFileSync(join(directory, '../cache.json'), `${JSON.stringify({ id, platform })}\n`);
      const fresh = join(directory, 'fs.new');
      removeTree(fresh);
      mkdirSync(fresh, { mode: 0o755 });
      await fill(fresh);
      renameSync(fresh, files);
    } finally {
      closeSync(beginning);
    }
  }

  /** Begins a cache with another machine's files; one that was begun already stays as it is. */
  async fill({ blob, root, ...cache }: FillCacheRequest, signal: AbortSignal): Promise<void> {
    await this.#alone(cache.key, signal, (directory) =>
      this.#begin(cache, directory, signal, async (fresh) => {
        await this.#options.extract(blob, fresh, signal);
        own(fresh, root);
      }),
    );
  }

  /** Runs `use` with a cache's files while no step has it for itself alone. Undefined when there is no such cache. */
  async withFiles<T>(
    key: string,
    signal: AbortSignal,
    use: (files: string) => Promise<T>,
  ): Promise<T | undefined> {
    const files = join(this.#options.directory, checkedKey(key), '0', 'fs');
    if (!existsSync(files)) return undefined;
    return await this.#alone(key, signal, async () => (existsSync(files) ? await use(files) : undefined));
  }

  /** Holds the first of a cache's directories: the one that is shared, and that a `private` use takes when it is free. */
  async #alone<T>(key: string, signal: AbortSignal, use: (directory: string) => Promise<T>): Promise<T> {
    const held: number[] = [];
    try {
      const cache = join(this.#options.directory, checkedKey(key));
      const directory = join(cache, '0');
      for (const [path, sharing] of [
        [cache, 'shared'],
        [directory, 'locked'],
      ] as const) {
        const lock = await this.#lock(path, sharing, signal);
        if (lock !== undefined) held.push(lock);
      }
      return await use(directory);
    } finally {
      for (const lock of held) closeSync(lock);
    }
  }

  /** Every cache that was begun. */
  list(): ListedCache[] {
    const { directory } = this.#options;
    const keys = readdirSync(directory).filter((name) => keyPattern.test(name));
    return keys.flatMap((key) => {
      const path = join(directory, key);
      try {
        const { id, platform } = JSON.parse(readFileSync(join(path, 'cache.json'), 'utf8')) as {
          id: unknown;
          platform: unknown;
        };
        const used = (
          statSync(join(path, 'lock'), { throwIfNoEntry: false }) ?? statSync(join(path, 'cache.json'))
        ).mtime;
        return [{ key, id: String(id), platform: String(platform), used, path }];
      } catch {
        return [];
      }
    });
  }

  /** Nobody finds it any more; the caller deletes what the returned name stands for. Undefined when a step uses it, or it is gone already. */
  withdraw(key: string): string | undefined {
    const own = join(this.#options.directory, checkedKey(key));
    const path = join(own, 'lock');
    const lock = openLock(path);
    if (lock === undefined) return undefined;
    try {
      if (!this.#options.calls.tryLock(lock) || !isSame(lock, path)) return undefined;
      return moveAway(this.#options.directory, key, { key, owner: this.#options.owner });
    } finally {
      closeSync(lock);
    }
  }

  #held(files: string, locks: readonly number[]): HeldCache {
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
        for (const lock of locks) closeSync(lock);
      },
    };
  }
}

/** Caches that dead keepers did not come to delete, renamed: names in `directory` for `owner`, a keeper's id, to delete. */
export function sweepCaches(directory: string, owner: string, isAlive: (owner: string) => boolean): string[] {
  return readdirSync(directory).flatMap((name) => {
    const deleter = gonePattern.exec(name)?.[1];
    if (deleter === undefined || deleter === owner || isAlive(deleter)) return [];
    try {
      return [moveAway(directory, name, { key: name.split('.')[0] ?? '', owner })];
    } catch {
      // Another keeper was first.
      return [];
    }
  });
}

function moveAway(directory: string, name: string, by: { key: string; owner: string }): string {
  const gone = `${by.key}.${by.owner}.gone`;
  renameSync(join(directory, name), join(directory, gone));
  return gone;
}

function own(directory: string, { uid, gid, mode }: FileOwner): void {
  chownSync(directory, uid, gid);
  chmodSync(directory, mode);
}

function checkedKey(key: string): string {
  if (!keyPattern.test(key)) throw failure('KEEPER', 'use cache', key, 'no such key');
  return key;
}

/** Undefined where its directory is gone. */
function openLock(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isSame(fd: number, path: string): boolean {
  const [held, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return there !== undefined && held.ino === there.ino && held.dev === there.dev;
}
