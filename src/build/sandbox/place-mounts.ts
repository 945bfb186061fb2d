import { statSync } from 'node:fs';
import { mountPoints } from './oci-spec.ts';
import type { SandboxMount } from './sandbox.ts';
import type { Stubs } from './stubs.ts';

/** The mounts with their targets' links followed, and something to mount on below each. What lies in another mount is the runtime's to make. */
export function placeMounts(mounts: readonly SandboxMount[], stubs: Stubs): SandboxMount[] {
  const covered = [...mountPoints];
  return mounts.map((mount) => {
    const isFile = mount.kind === 'bind' && !statSync(mount.source).isDirectory();
    const inside = covered.some((path) => mount.target === path || mount.target.startsWith(`${path}/`));
    const kind = isFile ? 'file' : 'directory';
    // A runtime gives a tmpfs the mode of what it lies on.
    const mode = mount.kind === 'tmpfs' ? 0o1777 : undefined;
    const target = inside ? mount.target : stubs.ensure(mount.target, kind, { mode });
    covered.push(target);
    return { ...mount, target };
  });
}
