import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MountCalls } from '../snapshot/mount-calls.ts';
import type { EnterTree } from './copy-workspace.ts';

/** Shows a copy through a mount without devices, as overlays are: a node in a base image, or one that a step makes, must not open the host's. */
export function withBoundTree(calls: MountCalls): EnterTree {
  return async ({ root, scratch }, use) => {
    const target = join(scratch, 'rootfs');
    mkdirSync(target);
    calls.bind(root, target, { readOnly: false });
    try {
      return await use(target);
    } finally {
      calls.unmount(target);
      rmdirSync(target);
    }
  };
}
