import type { MergedView } from '../../../archive/merged-view.ts';
import { clampTime } from '../../../lib/epoch.ts';
import { type CopyPlan, CopyPlanner, type Owner, targetPath } from './copy-plan.ts';

export interface DirectoryOptions {
  /** USER, already looked up: owns what is made. */
  readonly owner?: Owner | undefined;
  readonly epoch?: number | undefined;
  /** Seconds. */
  readonly now: number;
}

/** WORKDIR: the directory and its missing parents, 0755. What is there already stays, and the layer is empty when all is. */
export function planDirectory(path: string, target: MergedView, options: DirectoryOptions): CopyPlan {
  const planner = new CopyPlanner(target, {
    owner: options.owner,
    madeAt: clampTime(options.now, options.epoch),
  });
  const directory = planner.resolve(targetPath(path));
  if (!planner.isDirectory(directory)) planner.directory(directory);
  return planner.plan();
}
