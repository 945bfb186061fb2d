import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupLayout } from './cgroup-layout.ts';

// Recorded from /proc/self/mountinfo, shortened.
const root =
  '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n26 22 0:24 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n';
const versionTwo =
  '30 26 0:27 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
const versionOne =
  '30 26 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n' +
  '33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct\n' +
  '39 30 0:36 / /sys/fs/cgroup/systemd rw,relatime shared:11 - cgroup cgroup rw,xattr,name=systemd\n';
const unified = '40 30 0:37 / /sys/fs/cgroup/unified rw,relatime shared:12 - cgroup2 cgroup2 rw\n';
/** In a container without a cgroup namespace the root of each mount is the container's own group. */
const container =
  '800 790 0:60 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755\n' +
  '801 800 0:30 /docker/1f6 /sys/fs/cgroup/cpuset ro,nosuid,nodev,noexec,relatime master:13 - cgroup cgroup rw,cpuset\n';

test('cgroup layouts are told from the mounts', () => {
  assert.deepEqual(cgroupLayout(root), { kind: 'none' });
  assert.deepEqual(cgroupLayout(root + versionTwo), { kind: 'version 2' });
  assert.deepEqual(cgroupLayout(root + versionOne), { kind: 'version 1' });
  assert.deepEqual(cgroupLayout(root + versionOne + unified), {
    kind: 'hybrid',
    unified: '/sys/fs/cgroup/unified',
  });
  assert.deepEqual(cgroupLayout(root + container), { kind: 'version 1' });
});

test('what a later mount covers does not count', () => {
  const shown = '900 30 0:37 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n';
  assert.deepEqual(cgroupLayout(root + versionOne + unified + shown), { kind: 'version 2' });
  const emptied = '901 30 0:99 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n';
  assert.deepEqual(cgroupLayout(root + versionOne + unified + emptied), { kind: 'none' });
  // Somebody else's root file system, with its own mounts.
  assert.deepEqual(cgroupLayout(root + versionTwo.replace('/sys/', '/srv/jail/sys/')), { kind: 'none' });
});
