import { lstatSync, mkdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../lib/errors.ts';
import { layerMarks } from './layer-marks.ts';
import type { OverlayMounter } from './overlay-mounter.ts';
import { removeTree } from './remove-tree.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import type { Syscalls } from './syscalls.ts';

export interface ProbeMounterOptions {
  readonly snapshots: SnapshotDirectory;
  /** Absolute: an empty directory to mount on. */
  readonly target: string;
  readonly calls: Syscalls;
}

/**
 * Tries on the snapshots' own file system what steps need: some kernels and file systems let layers be mounted and then lose what is removed, or
 * refuse a directory in place of another. SANDBOX or the system's own error when it does not work.
 */
export async function probeMounter(
  mounter: OverlayMounter,
  { snapshots, target, calls }: ProbeMounterOptions,
): Promise<void> {
  const [lower, upper] = [snapshots.create().id, snapshots.create().id];
  try {
    await tryLayers(mounter, { lower, upper, snapshots, target, calls });
  } finally {
    for (const id of [lower, upper]) removeTree(join(snapshots.path, snapshots.discard(id)));
  }
}

async function tryLayers(
  mounter: OverlayMounter,
  {
    lower,
    upper,
    snapshots,
    target,
    calls,
  }: ProbeMounterOptions & { readonly lower: string; readonly upper: string },
): Promise<void> {
  const [below, above] = [snapshots.absolute(lower), snapshots.absolute(upper)];
  mkdirSync(join(below, 'directory'));
  writeFileSync(join(below, 'directory/file'), 'x');
  writeFileSync(join(below, 'removed'), 'x');
  const unmount = await mounter.mount(target, {
    lowers: [SnapshotDirectory.files(lower)],
    upper: { directory: SnapshotDirectory.files(upper), work: SnapshotDirectory.work(upper) },
  });
  try {
    unlinkSync(join(target, 'removed'));
    unlinkSync(join(target, 'directory/file'));
    rmdirSync(join(target, 'directory'));
    mkdirSync(join(target, 'directory'));
  } finally {
    await unmount();
  }
  const marks = layerMarks(mounter.marks, calls);
  const removed = lstatSync(join(above, 'removed'), { throwIfNoEntry: false });
  if (!marks.hides(above, 'removed', removed) || !marks.isOpaque(above, 'directory'))
    throw failure('SANDBOX', 'mount', target, 'what is removed in it leaves no mark');
}
