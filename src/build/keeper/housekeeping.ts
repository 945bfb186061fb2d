import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { diskUsage } from '../../lib/disk-usage.ts';
import { throwIfAborted } from '../../lib/errors.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { CacheDirectories } from './mounts/cache-directories.ts';
import type { FoundDirectories, KeptDirectory, PruneRequest, PruneResponse } from './protocol.ts';

export interface HousekeepingOptions {
  readonly snapshots: SnapshotDirectory;
  readonly caches: CacheDirectories;
  /** The data directory's `cache-mounts`. */
  readonly cacheMounts: string;
  readonly removeTree: (path: string) => void;
}

/** What lasts in the data directory and only this process may look into: snapshots and the directories of cache mounts. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  async usage(signal: AbortSignal): Promise<FoundDirectories> {
    const { snapshots, caches, cacheMounts } = this.#options;
    const published = new Map(snapshots.published().map((snapshot) => [snapshot.id, snapshot]));
    const mounts = new Map(caches.list().map((cache) => [cache.key, cache]));
    const kept: KeptDirectory[] = [];
    const foreign: string[] = [];
    let otherBytes = 0;
    for (const directory of [snapshots.path, cacheMounts]) {
      for (const name of readdirSync(directory)) {
        throwIfAborted(signal);
        await setImmediate();
        const path = join(directory, name);
        if (!isOwn(path)) foreign.push(path);
        const size = diskUsage(path);
        const snapshot = published.get(name);
        const mount = mounts.get(name);
        if (directory === snapshots.path && snapshot !== undefined) {
          // What stands behind the diffID says on which layers it lies.
          const diffId = `sha256:${snapshot.keys[0]?.split(/[@.]/)[0] ?? ''}`;
          kept.push({ kind: 'snapshot', id: name, name: diffId, size, used: snapshot.used.getTime() });
        } else if (directory === cacheMounts && mount !== undefined) {
          const { id, platform, used } = mount;
          const shown = platform === 'undefined' ? id : `${id} ${platform}`;
          kept.push({ kind: 'cache-mount', id: name, name: shown, size, used: used.getTime() });
        } else otherBytes += size;
      }
    }
    return { kept, otherBytes, foreign };
  }

  /** Deletes what no living keeper uses, one after another: a kill in between leaves the rest as it was. */
  async prune({ snapshots: ids, mounts }: PruneRequest, signal: AbortSignal): Promise<PruneResponse> {
    const { snapshots, caches, cacheMounts, removeTree } = this.#options;
    const removed: string[] = [];
    const inUse: string[] = [];
    const present = new Set(snapshots.published().map(({ id }) => id));
    for (const id of ids) {
      throwIfAborted(signal);
      await setImmediate();
      if (!present.has(id)) continue;
      const gone = snapshots.withdraw(id);
      if (gone !== undefined) removeTree(join(snapshots.path, gone));
      (gone === undefined ? inUse : removed).push(id);
    }
    for (const key of mounts) {
      throwIfAborted(signal);
      await setImmediate();
      const gone = caches.withdraw(key);
      if (gone !== undefined) removeTree(join(cacheMounts, gone));
      (gone === undefined ? inUse : removed).push(key);
    }
    return { removed, inUse };
  }
}

/** Of this user, or of root in this namespace: what others left nobody here can delete. */
function isOwn(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined || stats.uid === process.getuid?.();
}
