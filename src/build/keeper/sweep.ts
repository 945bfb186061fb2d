import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import { endLeftovers } from './end-leftovers.ts';
import type { KeeperLocks } from './keeper-locks.ts';
import { sweepCaches } from './mounts/cache-directories.ts';

export interface SweepOptions {
  /** Parent of the keepers' directories. */
  readonly keepers: string;
  readonly locks: KeeperLocks;
  readonly snapshots: SnapshotDirectory;
  /** The data directory's `cache-mounts`. */
  readonly cacheMounts: string;
  /** The keeper's id. */
  readonly id: string;
  readonly calls: MountCalls;
  readonly remove: (name: string) => void;
}

/** Until then the kernel has written most of a snapshot by itself, and a sync costs little. */
const restMilliseconds = 60_000;

/** Cleans up behind keepers that ended without doing so, and makes snapshots of earlier builds safe against a power cut. Never fails a build. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { keepers, locks, snapshots, cacheMounts, id, calls, remove } = options;
  const isAlive = (owner: string): boolean => locks.isAlive(owner);
  try {
    const turns = [
      ...snapshots.sweep(isAlive).map((name) => () => remove(name)),
      ...sweepCaches(cacheMounts, id, isAlive).map((name) => () => removeTree(join(cacheMounts, name))),
      ...locks.dead().map((dead) => () => {
        endLeftovers(join(keepers, dead), { justEnded: false });
        removeTree(join(keepers, dead));
      }),
    ];
    for (const turn of turns) {
      turn();
      // Requests come first.
      await setImmediate();
    }
    await syncRested(snapshots, calls);
  } catch {
    // The next keeper tries again.
  }
}

async function syncRested(snapshots: SnapshotDirectory, calls: MountCalls): Promise<void> {
  const rested = snapshots
    .unsynced()
    .filter((id) => Date.now() - statSync(join(snapshots.path, id, 'unsynced')).mtimeMs > restMilliseconds);
  if (rested.length === 0) return;
  const fd = openSync(snapshots.path, 'r');
  try {
    await calls.syncFileSystem(fd);
  } finally {
    closeSync(fd);
  }
  snapshots.markSynced(rested);
}
