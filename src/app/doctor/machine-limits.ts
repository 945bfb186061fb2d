import { newPrivilegesHint, noNewPrivileges, subordinateRange } from '../../build/keeper/user-namespace.ts';
import { holdsCapability } from '../../build/sandbox/capabilities.ts';
import { cgroupLayout } from '../../build/sandbox/cgroup-layout.ts';
import { isLinuxSince } from '../../build/sandbox/emulators.ts';
import type { MachineFacts } from './machine-facts.ts';

/** Something of the kernel, the container or the installation that decides what works. */
export interface Limit {
  readonly name: string;
  readonly value: string;
  /** What it rules out, and the command that mends it; absent when it rules out nothing. */
  readonly hint?: string;
}

/** statfs(2)'s types (linux/magic.h). */
const overlayMagic = 0x794c7630;
const tmpfsMagic = 0x01021994;
/** Fewer and chown to an image's usual owners fails. */
const usualIds = 65535;
const littleBytes = 2 ** 30;

export function machineLimits(facts: MachineFacts): Limit[] {
  return [
    kernel(facts),
    ...namespaces(facts),
    ptrace(facts),
    ...container(facts),
    ...subordinateIds(facts),
    cgroups(facts),
    ...fileSystem(facts),
    fuse(facts),
    ...programs(facts),
  ].flatMap((limit) => limit ?? []);
}

function row(name: string, value: string, hint?: string | false): Limit {
  return hint ? { name, value, hint } : { name, value };
}

function kernel({ kernel: value, uid }: MachineFacts): Limit {
  if (uid !== 0 && !isLinuxSince(5, 11, value)) {
    return row(
      'kernel',
      value,
      'overlayfs for an ordinary user needs Linux 5.11: apt-get install fuse-overlayfs, or trees are copied',
    );
  }
  return row(
    'kernel',
    value,
    !isLinuxSince(6, 7, value) &&
      'private binfmt needs Linux 6.7; for all users, as root: apt-get install qemu-user-static binfmt-support',
  );
}

function namespaces({ sysctl, uid }: MachineFacts): (Limit | undefined)[] {
  const counts = ['user', 'mnt', 'pid'].map((kind) => {
    const value = sysctl(`user/max_${kind}_namespaces`);
    if (value === undefined || (kind !== 'user' && value !== '0')) return undefined;
    const name = `user.max_${kind}_namespaces`;
    return row(name, value, value === '0' && `as root: sysctl -w ${name}=28633`);
  });
  const switches = [
    ['kernel/unprivileged_userns_clone', '0', '1'],
    ['kernel/apparmor_restrict_unprivileged_userns', '1', '0'],
  ].map(([path = '', bad, good]) => {
    const value = sysctl(path);
    const name = path.replace('/', '.');
    // Root is not held by either.
    return value === undefined
      ? undefined
      : row(name, value, uid !== 0 && value === bad && `as root: sysctl -w ${name}=${good}`);
  });
  return [...counts, ...switches];
}

function ptrace({ sysctl }: MachineFacts): Limit | undefined {
  const name = 'kernel.yama.ptrace_scope';
  const value = sysctl('kernel/yama/ptrace_scope');
  if (value === undefined) return undefined;
  const hint =
    value === '3'
      ? 'only a restart of the machine takes it back (for proot)'
      : value === '2' && `as root: sysctl -w ${name}=1 (for proot)`;
  return row(name, value, hint);
}

function container({ status, uid }: MachineFacts): Limit[] {
  const filtered = /^Seccomp:\s*2/m.test(status);
  const noNew = noNewPrivileges(status);
  const admin = holdsCapability(status, 'SYS_ADMIN');
  const value = `${filtered ? 'a seccomp filter' : 'no seccomp filter'}, CAP_SYS_ADMIN ${admin ? 'held' : 'not held'}`;
  return [
    row('container', value, filtered && !admin && 'docker run --privileged, or go on with the proot sandbox'),
    ...(noNew ? [row('no_new_privs', 'set', uid !== 0 && `no sandbox but proot: ${newPrivilegesHint}`)] : []),
  ];
}

function subordinateIds({ uid, username, subuid, subgid, find }: MachineFacts): Limit[] {
  if (uid === 0) return [];
  const files = [
    ['/etc/subuid', subuid, '--add-subuids'],
    ['/etc/subgid', subgid, '--add-subgids'],
  ].map(([file = '', text = '', flag]) => {
    const range = subordinateRange(text, { username, uid });
    const value = range === undefined ? 'no ids' : `${range.count} ids from ${range.start}`;
    const enough = range !== undefined && range.count >= usualIds;
    return row(file, value, !enough && `as root: usermod ${flag} 100000-165535 ${username}`);
  });
  const tools = ['newuidmap', 'newgidmap'].map((name) => {
    const path = find(name);
    return row(name, path ?? 'not installed', path === undefined && 'apt-get install uidmap');
  });
  return [...files, ...tools];
}

function cgroups({ mountinfo, stepGroups }: MachineFacts): Limit {
  const layout = cgroupLayout(mountinfo).kind;
  if (stepGroups.kind !== 'none') {
    const by = stepGroups.kind === 'scope' ? ', by systemd' : '';
    return row('cgroups', `${layout}; steps can be limited${by}`);
  }
  return row('cgroups', `${layout}; no --memory and --cpus`, stepGroups.hint ?? stepGroups.reason);
}

function fileSystem({ mounts, disk: { type, total, free } }: MachineFacts): Limit[] {
  const kind =
    type === overlayMagic ? 'overlayfs' : type === tmpfsMagic ? 'tmpfs' : `type 0x${type.toString(16)}`;
  const space = `${gigabytes(free)} of ${gigabytes(total)}`;
  return [
    row(
      'data directory',
      kind,
      type === overlayMagic && mounts && 'trees are copied there, not mounted: put POLYARCH_HOME on a volume',
    ),
    row(
      'free space',
      space,
      free < littleBytes &&
        'polyarch cache prune and polyarch images prune make room; POLYARCH_HOME names another disk',
    ),
  ];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Of use where overlayfs is refused. */
function fuse({ fuse: error, find, mounts }: MachineFacts): Limit {
  const name = '/dev/fuse';
  if (error === undefined) return row(name, 'can be opened');
  const hint =
    error === 'EACCES'
      ? 'for fuse-overlayfs, as root: chmod 666 /dev/fuse'
      : 'for fuse-overlayfs, as root: modprobe fuse; in a container: docker run --device /dev/fuse';
  return row(
    name,
    error === 'ENOENT' ? 'not there' : error,
    mounts && find('fuse-overlayfs') !== undefined && hint,
  );
}

const packages: Readonly<Record<string, string>> = {
  proot: 'proot',
  setpriv: 'util-linux',
  unshare: 'util-linux',
};

function programs({ find }: MachineFacts): Limit[] {
  const noRuntime = find('crun') === undefined && find('runc') === undefined;
  return ['crun', 'runc', 'unshare', 'proot', 'setpriv', 'fuse-overlayfs'].map((name) => {
    const path = find(name);
    if (path !== undefined) return row(name, path);
    const isRuntime = name === 'crun' || name === 'runc';
    const wanted = isRuntime ? noRuntime && name : packages[name];
    return row(name, 'not installed', wanted && `apt-get install ${wanted}`);
  });
}
