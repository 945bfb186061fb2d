import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupHierarchies } from './cgroup-hierarchies.ts';

test('version 2 alone, as systemd mounts it', () => {
  const mountinfo = '30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
  assert.deepEqual(cgroupHierarchies(mountinfo, '0::/user.slice/user-1000.slice/session-3.scope\n'), [
    {
      version: 2,
      controllers: [],
      mountPoint: '/sys/fs/cgroup',
      own: '/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope',
    },
  ]);
});

test('version 1 beside it: controllers that are mounted together, own groups, what is mounted twice once', () => {
  const mountinfo = [
    '31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    '60 30 0:31 / /elsewhere/memory rw - cgroup cgroup rw,memory',
  ].join('\n');
  const cgroup = '5:cpu,cpuacct:/a\n4:memory:/a/b\n1:name=systemd:/\n0::/c\n';
  assert.deepEqual(
    cgroupHierarchies(mountinfo, cgroup).map(({ version, controllers, own }) => [version, controllers, own]),
    [
      [1, ['cpu', 'cpuacct'], '/sys/fs/cgroup/cpu,cpuacct/a'],
      [1, ['memory'], '/sys/fs/cgroup/memory/a/b'],
      [2, [''].filter(Boolean), '/sys/fs/cgroup/unified/c'],
    ],
  );
});

test('a container’s mount shows a part of the hierarchy, or its own namespace of it', () => {
  const mount = (root: string) => `9 8 0:31 ${root} /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory`;
  const own = (root: string, path: string) => cgroupHierarchies(mount(root), `4:memory:${path}\n`)[0]?.own;
  assert.equal(own('/docker/1', '/docker/1'), '/sys/fs/cgroup/memory');
  assert.equal(own('/docker/1', '/docker/1/x'), '/sys/fs/cgroup/memory/x');
  assert.equal(own('/', '/'), '/sys/fs/cgroup/memory');
  assert.equal(own('/docker/1', '/other'), '/sys/fs/cgroup/memory');
});
