import { execFile } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';

/** An OCI runtime of this machine, with the options that make it leave cgroups alone. */
export interface RuntimeProgram {
  readonly name: 'crun' | 'runc';
  readonly path: string;
  readonly options: readonly string[];
}

/** statfs(2)'s type of a cgroup2 file system. */
const cgroup2Magic = 0x63677270;
const versionMilliseconds = 10_000;
const cgroupDirectory = '/sys/fs/cgroup';
/** Where systemd's hybrid layout keeps cgroup2 beside the version 1 controllers. */
export const hybridDirectory = `${cgroupDirectory}/unified`;

/** crun refuses to start where both versions are mounted. Showing it version 2 alone, in a mount namespace of our own, is enough. */
export function hasHybridCgroups(): boolean {
  return existsSync(hybridDirectory) && statfsSync(cgroupDirectory).type !== cgroup2Magic;
}

/**
 * Inside a user namespace crun, which starts in half of runc's time, where it works; else runc. Outside of one runc alone: crun takes `nodev` from
 * the root file system, and a device node of an image would open the host's device. SANDBOX when there is none.
 */
export function findRuntime(
  options: { readonly inUserNamespace: boolean },
  env: NodeJS.ProcessEnv = process.env,
): RuntimeProgram {
  const crun = options.inUserNamespace && !hasHybridCgroups() ? findProgram('crun', env) : undefined;
  if (crun !== undefined) return { name: 'crun', path: crun, options: ['--cgroup-manager=disabled'] };
  const runc = findProgram('runc', env);
  // Rootless as root too: what cannot be written under /sys/fs/cgroup, which is read-only in the keeper, is then no error.
  if (runc !== undefined) return { name: 'runc', path: runc, options: ['--rootless=true'] };
  throw failure('SANDBOX', 'run', 'RUN', 'there is no OCI runtime on this machine', {
    hint: 'apt-get install runc (or crun)',
  });
}

/** Whether it was built with libseccomp: `libseccomp: 2.5.4` says runc, `+SECCOMP` crun. Never rejects. */
export function hasSeccomp({ path }: RuntimeProgram): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(path, ['--version'], { timeout: versionMilliseconds }, (_error, stdout) =>
      resolve(/libseccomp|\+SECCOMP\b/.test(stdout)),
    );
  });
}

/** Whether steps can run as root outside of a user namespace. */
export function hasRuntimeForRoot(env: NodeJS.ProcessEnv = process.env): boolean {
  return findProgram('runc', env) !== undefined;
}
