import { execFile } from 'node:child_process';
import { failure } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { cgroupLayout } from './cgroup-layout.ts';

/** An OCI runtime of this machine, with the options that make it leave cgroups alone. */
export interface RuntimeProgram {
  readonly name: 'crun' | 'runc';
  readonly path: string;
  readonly options: readonly string[];
}

const versionMilliseconds = 10_000;

/** Where a runtime is looked for. */
export interface RuntimeMachine {
  readonly find: (name: string) => string | undefined;
  /** Text of /proc/self/mountinfo. */
  readonly mountinfo: () => string;
}

const thisMachine: RuntimeMachine = {
  find: (name) => findProgram(name),
  mountinfo: () => readTextOrUndefined('/proc/self/mountinfo') ?? '',
};

/**
 * Inside a user namespace crun, which starts in half of runc's time, where it is there; else runc. Outside of one runc alone: crun takes `nodev` from
 * the root file system, and a device node of an image would open the host's device. SANDBOX when there is none. crun refuses hybrid cgroups,
 * of which the keeper shows version 2 alone.
 */
export function findRuntime(
  options: { readonly inUserNamespace: boolean },
  machine: RuntimeMachine = thisMachine,
): RuntimeProgram {
  const crun = options.inUserNamespace ? machine.find('crun') : undefined;
  const hasCgroups = crun !== undefined && cgroupLayout(machine.mountinfo()).kind !== 'none';
  if (crun !== undefined && hasCgroups)
    return { name: 'crun', path: crun, options: ['--cgroup-manager=disabled'] };
  const runc = machine.find('runc');
  // Rootless as root too: what cannot be written under /sys/fs/cgroup, which is read-only in the keeper, is then no error.
  if (runc !== undefined) return { name: 'runc', path: runc, options: ['--rootless=true'] };
  const what =
    crun === undefined
      ? 'there is no OCI runtime on this machine'
      : 'crun does not start where no cgroups are mounted';
  throw failure('SANDBOX', 'run', 'RUN', what, {
    hint: crun === undefined ? 'apt-get install runc (or crun)' : 'apt-get install runc',
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
