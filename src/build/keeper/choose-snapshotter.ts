import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { diskHint, failure, reasonOf } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { fuseMounter } from '../snapshot/fuse-mounter.ts';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import { kernelMounter, type OverlayMounter } from '../snapshot/overlay-mounter.ts';
import { probeMounter } from '../snapshot/probe-mounter.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { RejectedSnapshotter, Snapshotter } from '../snapshot/snapshotter.ts';
import type { Syscalls } from '../snapshot/syscalls.ts';

export interface ChooseSnapshotterOptions {
  /** In the order in which they are tried; what is not among them is not taken. */
  readonly candidates: readonly Snapshotter[];
  /** The keeper's own directory. */
  readonly directory: string;
  readonly snapshots: SnapshotDirectory;
  readonly calls: MountCalls;
  readonly syscalls: Syscalls;
}

export interface ChosenSnapshotter {
  readonly snapshotter: Snapshotter;
  /** Absent where trees are copies. */
  readonly mounter?: OverlayMounter;
  readonly rejected: readonly RejectedSnapshotter[];
}

/** The first snapshotter that works on the data directory's file system. SANDBOX when none does. */
export async function chooseSnapshotter(options: ChooseSnapshotterOptions): Promise<ChosenSnapshotter> {
  const rejected: RejectedSnapshotter[] = [];
  for (const snapshotter of options.candidates) {
    try {
      if (snapshotter === 'copy') return { snapshotter, rejected };
      const mounter = snapshotter === 'overlayfs' ? kernelMounter(options.calls) : findFuse(options.calls);
      await probe(mounter, options);
      return { snapshotter, mounter, rejected };
    } catch (error) {
      // Whatever comes next would find no more room.
      if (diskHint(error)) throw error;
      rejected.push({ snapshotter, reason: reasonOf(error) });
    }
  }
  const reasons = rejected.map(({ snapshotter, reason }) => `${snapshotter}: ${reason}`).join('; ');
  throw failure('SANDBOX', 'make trees in', options.snapshots.path, reasons);
}

async function probe(mounter: OverlayMounter, options: ChooseSnapshotterOptions): Promise<void> {
  const target = join(options.directory, 'probe');
  mkdirSync(target);
  try {
    await probeMounter(mounter, { snapshots: options.snapshots, target, calls: options.syscalls });
  } finally {
    rmdirSync(target);
  }
}

function findFuse(calls: MountCalls): OverlayMounter {
  const program = findProgram('fuse-overlayfs');
  if (program === undefined)
    throw failure('SANDBOX', 'run', 'fuse-overlayfs', 'it is not installed', {
      hint: 'apt-get install fuse-overlayfs',
    });
  return fuseMounter(program, calls);
}
