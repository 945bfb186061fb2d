import { closeSync, openSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { cgroupMachine } from '../../build/keeper/cgroups/open-cgroup.ts';
import { placeCgroup, removeMade } from '../../build/keeper/cgroups/place-cgroup.ts';
import { currentUser } from '../../build/keeper/user-namespace.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import { findProgram } from '../../lib/find-program.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';

/** What `machineLimits` judges; nothing of it is judged yet. */
export interface MachineFacts {
  /** As uname -r gives it. */
  readonly kernel: string;
  readonly uid: number;
  readonly username: string;
  /** Of /proc/sys, by path; undefined where the kernel has no such file. */
  readonly sysctl: (path: string) => string | undefined;
  /** /proc/self/status, /proc/self/mountinfo, /etc/subuid and /etc/subgid. */
  readonly status: string;
  readonly mountinfo: string;
  readonly subuid: string;
  readonly subgid: string;
  readonly find: (name: string) => string | undefined;
  /** An errno's name where /dev/fuse cannot be opened. */
  readonly fuse: string | undefined;
  /** Of the data directory: statfs(2)'s type, and bytes. */
  readonly disk: { readonly type: number; readonly total: number; readonly free: number };
  /** Whether a sandbox that works here mounts anything: otherwise nothing helps that is for mounts. */
  readonly mounts: boolean;
  /** Where steps would get their control groups. */
  readonly stepGroups:
    | { readonly kind: 'groups' | 'scope' }
    | { readonly kind: 'none'; readonly reason: string; readonly hint: string | undefined };
}

/** `data`: a directory on the file system of the data directory. */
export function readMachineFacts(data: string, { mounts }: Pick<MachineFacts, 'mounts'>): MachineFacts {
  const { type, blocks, bavail, bsize } = statfsSync(data);
  return {
    ...{ kernel: release(), ...currentUser() },
    sysctl: (path) => readTextOrUndefined(`/proc/sys/${path}`)?.trim(),
    status: readTextOrUndefined('/proc/self/status') ?? '',
    mountinfo: readTextOrUndefined('/proc/self/mountinfo') ?? '',
    subuid: readTextOrUndefined('/etc/subuid') ?? '',
    subgid: readTextOrUndefined('/etc/subgid') ?? '',
    find: (name) => findProgram(name),
    fuse: fuseError(),
    disk: { type, total: blocks * bsize, free: bavail * bsize },
    mounts,
    stepGroups: tryGroups(),
  };
}

function fuseError(): string | undefined {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** For real: what was made is removed at once. */
function tryGroups(): MachineFacts['stepGroups'] {
  try {
    const place = placeCgroup({ memory: 2 ** 30, cpus: 1 }, `doctor-${process.pid}`, cgroupMachine());
    if (place.kind === 'groups') removeMade(place.made);
    return { kind: place.kind };
  } catch (error) {
    return { kind: 'none', reason: reasonOf(error), hint: isFailure(error) ? error.hint : undefined };
  }
}
