import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRuntime } from './probe-runtime.ts';

const cgroups = '30 26 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
const machine = (programs: readonly string[], mountinfo = cgroups) => ({
  find: (name: string) => (programs.includes(name) ? `/usr/bin/${name}` : undefined),
  mountinfo: () => mountinfo,
});
const name = (inUserNamespace: boolean, ...given: Parameters<typeof machine>) =>
  findRuntime({ inUserNamespace }, machine(...given)).name;

test('crun inside a user namespace, runc outside of one', () => {
  assert.equal(name(true, ['crun', 'runc']), 'crun');
  assert.equal(name(false, ['crun', 'runc']), 'runc');
  assert.equal(name(true, ['runc']), 'runc');
});

test('without cgroups crun does not start', () => {
  assert.equal(name(true, ['crun', 'runc'], ''), 'runc');
  assert.throws(() => name(true, ['crun'], ''), { code: 'SANDBOX', message: /no cgroups/ });
});

test('without a runtime the hint installs one', () => {
  assert.throws(() => name(true, []), { code: 'SANDBOX', hint: /apt-get install runc/ });
  assert.throws(() => name(false, ['crun']), { code: 'SANDBOX', hint: /apt-get install runc/ });
});
