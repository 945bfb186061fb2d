import { existsSync, statfsSync } from 'node:fs';
import { failure } from '../../lib/errors.ts';
import { findProgram } from './find-program.ts';

/** An OCI runtime of this machine, with the options that make it leave cgroups alone. */
export interface RuntimeProgram {
  readonly name: 'crun' | 'runc';
  readonly path: string;
  readonly options: readonly string[];
}

/** statfs(2)'s type of a cgroup2 file system. */
const cgroup2Magic = 0x63677270;
const cgroupDirectory = '/sys/fs/cgroup';
/** Where systemd's hybrid layout keeps cgroup2 beside the version 1 controllers. */
export const hybridDirectory = `${cgroupDirectory}/unified`;

/** crun refuses to start where both versions are mounted. Showing it version 2 alone, in a mount namespace of our own, is enough. */
export function hasHybridCgroups(): boolean {
  return existsSync(hybridDirectory) && statfsSync(cgroupDirectory).type !== cgroup2Magic;
}

/** crun where it works, for it starts in a quarter of runc's time; else runc. SANDBOX when there is neither. */
export function probeRuntime(env: NodeJS.ProcessEnv = process.env): RuntimeProgram {
  const crun = findProgram('crun', env);
  if (crun !== undefined && !hasHybridCgroups()) {
    return { name: 'crun', path: crun, options: ['--cgroup-manager=disabled'] };
  }
  const runc = findProgram('runc', env);
  // Rootless as root too: what cannot be written under /sys/fs/cgroup, which is read-only in the keeper, is then no error.
  if (runc !== undefined) return { name: 'runc', path: runc, options: ['--rootless=true'] };
  throw failure('SANDBOX', 'run', 'RUN', 'there is no OCI runtime on this machine', {
    hint: 'apt-get install runc (or crun)',
  });
}
