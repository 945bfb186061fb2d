import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeKeeper } from './describe-keeper.ts';

const usual = {
  type: 'keeper-started',
  milliseconds: 1,
  tier: 'oci',
  losses: [],
  emulated: [],
  rejected: [],
} as const;

test('a usual sandbox is not worth a word', () => {
  const trees = { snapshotter: 'overlayfs', rejected: [] } as const;
  assert.deepEqual(describeKeeper({ ...usual, trees }), []);
});

test('a sandbox that did not work is told apart from one that does in part', () => {
  const trees = { snapshotter: 'copy', rejected: [] } as const;
  const rejected = [
    { tier: 'oci', reason: 'no runc' },
    { tier: 'chroot', reason: 'EPERM' },
  ] as const;
  assert.deepEqual(describeKeeper({ ...usual, tier: 'chroot', rejected, trees }), [
    'warning: sandbox oci does not work here: no runc',
    'warning: sandbox chroot works in part here: EPERM',
  ]);
});

test('each way to make trees that does not work is told with what is taken instead', () => {
  const rejected = [{ snapshotter: 'overlayfs', reason: 'Cannot mount "/d": EINVAL' }] as const;
  assert.deepEqual(describeKeeper({ ...usual, trees: { snapshotter: 'fuse-overlayfs', rejected } }), [
    'warning: overlayfs does not work in this data directory, trees are made by fuse-overlayfs: Cannot mount "/d": EINVAL',
  ]);
});
