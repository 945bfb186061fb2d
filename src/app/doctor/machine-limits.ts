import { statfsSync } from 'node:fs';
import { release } from 'node:os';
import { currentUser, subordinateRange } from '../../build/keeper/user-namespace.ts';
import { cgroupLayout } from '../../build/sandbox/cgroup-layout.ts';
import { findProgram } from '../../lib/find-program.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';

/** Something of the kernel, the container or the installation that decides what works. */
export interface Limit {
  readonly name: string;
  readonly value: string;
  /** What it rules out, and the command that mends it; absent when it rules out nothing. */
  readonly hint?: string;
}

const sysAdmin = 21n;
/** statfs(2)'s types (linux/magic.h). */
const overlayMagic = 0x794c7630;
const tmpfsMagic = 0x01021994;

/** `data`: a directory on the file system of the data directory. */
export function machineLimits(data: string): Limit[] {
  return [
    kernel(),
    ...userNamespaces(),
    seccomp(),
    ...subordinateIds(),
    { name: 'cgroups', value: cgroupLayout(readTextOrUndefined('/proc/self/mountinfo') ?? '').kind },
    fileSystem(data),
    ...['crun', 'runc', 'newuidmap', 'proot', 'setpriv', 'fuse-overlayfs'].map(program),
  ];
}

function kernel(): Limit {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  const value = release();
  return major > 6 || (major === 6 && minor >= 7)
    ? { name: 'kernel', value }
    : {
        name: 'kernel',
        value,
        hint: 'private binfmt needs Linux 6.7; for all users, as root: apt-get install qemu-user-static binfmt-support',
      };
}

function userNamespaces(): Limit[] {
  const rows: Limit[] = [];
  const max = readTextOrUndefined('/proc/sys/user/max_user_namespaces')?.trim();
  if (max !== undefined) {
    const hint = max === '0' ? { hint: 'as root: sysctl -w user.max_user_namespaces=28633' } : {};
    rows.push({ name: 'user namespaces', value: `${max} at most`, ...hint });
  }
  for (const [path, bad, good] of [
    ['kernel/unprivileged_userns_clone', '0', '1'],
    ['kernel/apparmor_restrict_unprivileged_userns', '1', '0'],
  ] as const) {
    const value = readTextOrUndefined(`/proc/sys/${path}`)?.trim();
    if (value === undefined) continue;
    const name = path.replace('/', '.');
    rows.push({ name, value, ...(value === bad ? { hint: `as root: sysctl -w ${name}=${good}` } : {}) });
  }
  const scope = readTextOrUndefined('/proc/sys/kernel/yama/ptrace_scope')?.trim();
  if (scope !== undefined) {
    const hint =
      Number(scope) > 1 ? { hint: 'as root: sysctl -w kernel.yama.ptrace_scope=1 (for proot)' } : {};
    rows.push({ name: 'kernel.yama.ptrace_scope', value: scope, ...hint });
  }
  return rows;
}

function seccomp(): Limit {
  const status = readTextOrUndefined('/proc/self/status')?.trim() ?? '';
  const filtered = /^Seccomp:\s*2/m.test(status);
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const admin = ((capabilities >> sysAdmin) & 1n) === 1n;
  const value = `${filtered ? 'a seccomp filter' : 'no seccomp filter'}, CAP_SYS_ADMIN ${admin ? 'held' : 'not held'}`;
  return filtered && !admin
    ? { name: 'container', value, hint: 'docker run --privileged, or go on with the proot sandbox' }
    : { name: 'container', value };
}

function subordinateIds(): Limit[] {
  if (process.getuid?.() === 0) return [];
  const { username, uid } = currentUser();
  return ['/etc/subuid', '/etc/subgid'].map((file) => {
    const range = subordinateRange(readTextOrUndefined(file)?.trim() ?? '', { username, uid });
    const flag = file === '/etc/subuid' ? '--add-subuids' : '--add-subgids';
    return range === undefined
      ? { name: file, value: 'no ids', hint: `as root: usermod ${flag} 100000-165535 ${username}` }
      : { name: file, value: `${range.count} ids from ${range.start}` };
  });
}

function fileSystem(data: string): Limit {
  const { type } = statfsSync(data);
  const name = 'data directory';
  if (type !== overlayMagic)
    return { name, value: type === tmpfsMagic ? 'tmpfs' : `type 0x${type.toString(16)}` };
  return {
    name,
    value: 'overlayfs',
    hint: 'trees are copied there, not mounted: put POLYARCH_HOME on a volume',
  };
}

function program(name: string): Limit {
  return { name, value: findProgram(name) ?? 'not installed' };
}
