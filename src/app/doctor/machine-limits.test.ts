import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MachineFacts } from './machine-facts.ts';
import { machineLimits } from './machine-limits.ts';

const good: MachineFacts = {
  ...{
    kernel: '6.12.1',
    uid: 1000,
    username: 'u',
    fuse: undefined,
    mounts: true,
    stepGroups: { kind: 'groups' },
  },
  sysctl: (path) => (path === 'user/max_user_namespaces' ? '28633' : undefined),
  status: 'CapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n',
  mountinfo: '30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
  ...{ subuid: 'u:100000:65536\n', subgid: 'u:100000:65536\n' },
  find: (name) => `/usr/bin/${name}`,
  disk: { type: 0xef53, total: 1e12, free: 5e11 },
};
const without = (...missing: string[]): Partial<MachineFacts> => ({
  find: (name) => (missing.includes(name) ? undefined : `/usr/bin/${name}`),
});
const sysctls = (values: Record<string, string>): Partial<MachineFacts> => ({
  sysctl: (path) => values[path],
});

/** What of a machine is otherwise → the row that says so, and the command that mends it. */
const cases: Readonly<Record<string, readonly [Partial<MachineFacts>, name: string, hint: RegExp]>> = {
  'a kernel without private tables': [{ kernel: '6.6.9' }, 'kernel', /apt-get install qemu-user-static/],
  'a kernel without userxattr': [{ kernel: '5.10.0-30-amd64' }, 'kernel', /apt-get install fuse-overlayfs/],
  'no user namespaces': [
    sysctls({ 'user/max_user_namespaces': '0' }),
    'user.max_user_namespaces',
    /sysctl -w user\.max_user_namespaces=28633/,
  ],
  'no mount namespaces': [
    sysctls({ 'user/max_mnt_namespaces': '0' }),
    'user.max_mnt_namespaces',
    /sysctl -w user\.max_mnt_namespaces=/,
  ],
  'old Debian': [
    sysctls({ 'kernel/unprivileged_userns_clone': '0' }),
    'kernel.unprivileged_userns_clone',
    /sysctl -w kernel\.unprivileged_userns_clone=1/,
  ],
  Ubuntu: [
    sysctls({ 'kernel/apparmor_restrict_unprivileged_userns': '1' }),
    'kernel.apparmor_restrict_unprivileged_userns',
    /sysctl -w kernel\.apparmor_restrict_unprivileged_userns=0/,
  ],
  'ptrace for root alone': [
    sysctls({ 'kernel/yama/ptrace_scope': '2' }),
    'kernel.yama.ptrace_scope',
    /sysctl -w kernel\.yama\.ptrace_scope=1/,
  ],
  'ptrace for nobody': [
    sysctls({ 'kernel/yama/ptrace_scope': '3' }),
    'kernel.yama.ptrace_scope',
    /restart of the machine/,
  ],
  'Docker’s default profile': [
    { status: 'CapEff:\t00000000a80425fb\nSeccomp:\t2\n' },
    'container',
    /docker run --privileged/,
  ],
  'no new privileges': [
    { status: 'CapEff:\t0\nNoNewPrivs:\t1\nSeccomp:\t0\n' },
    'no_new_privs',
    /no-new-privileges/,
  ],
  'no subordinate ids': [{ subuid: '' }, '/etc/subuid', /usermod --add-subuids 100000-165535 u/],
  'too few of them': [{ subgid: 'u:100000:1000\n' }, '/etc/subgid', /usermod --add-subgids/],
  'no newuidmap': [without('newuidmap'), 'newuidmap', /apt-get install uidmap/],
  'no control groups': [
    { stepGroups: { kind: 'none', reason: 'EACCES', hint: 'loginctl enable-linger u' } },
    'cgroups',
    /loginctl enable-linger u/,
  ],
  'a data directory on a container’s root': [
    { disk: { ...good.disk, type: 0x794c7630 } },
    'data directory',
    /POLYARCH_HOME on a volume/,
  ],
  'a full disk': [{ disk: { ...good.disk, free: 1e8 } }, 'free space', /polyarch cache prune/],
  'a container without FUSE': [{ fuse: 'ENOENT' }, '/dev/fuse', /docker run --device \/dev\/fuse/],
  'FUSE for root alone': [{ fuse: 'EACCES' }, '/dev/fuse', /chmod 666 \/dev\/fuse/],
  'no runtime': [without('crun', 'runc'), 'runc', /apt-get install runc/],
  'no proot': [without('proot'), 'proot', /apt-get install proot/],
};

const hintsOf = (changes: Partial<MachineFacts>) =>
  machineLimits({ ...good, ...changes }).flatMap(({ name, hint }) =>
    hint === undefined ? [] : [{ name, hint }],
  );

describe('what of a machine is in the way, with what mends it', () => {
  test('of a machine that has all nothing is', () => {
    assert.deepEqual(hintsOf({}), []);
    assert.deepEqual(hintsOf(without('runc')), [], 'one runtime is enough');
  });

  for (const [what, [changes, name, hint]] of Object.entries(cases)) {
    test(what, () => {
      const found = hintsOf(changes).find((limit) => limit.name === name);
      assert.match(found?.hint ?? '', hint);
    });
  }

  test('where no sandbox mounts anything, nothing is said of what mounts need', () => {
    const disk = { ...good.disk, type: 0x794c7630 };
    assert.deepEqual(hintsOf({ disk, fuse: 'ENOENT', mounts: false }), []);
  });

  test('root needs neither ids of its own nor what keeps ordinary users out', () => {
    const held = sysctls({
      'kernel/apparmor_restrict_unprivileged_userns': '1',
      'kernel/unprivileged_userns_clone': '0',
    });
    const root = { uid: 0, username: 'root', subuid: '', subgid: '', status: 'CapEff:\t1ffffffffff\n' };
    assert.deepEqual(hintsOf({ ...held, ...root }), []);
  });
});
