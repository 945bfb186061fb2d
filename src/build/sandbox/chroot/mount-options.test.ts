import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountOptions } from './mount-options.ts';
import { resourceNumber } from './resource-numbers.ts';

test('known mount options become flags, others data', () => {
  assert.deepEqual(mountOptions(['nosuid', 'nodev', 'mode=755', 'ro', 'size=64k']), {
    flags: 7,
    data: 'mode=755,size=64k',
  });
  assert.deepEqual(mountOptions([]), { flags: 0, data: '' });
});

test('limits have the kernel’s numbers', () => {
  assert.deepEqual(['RLIMIT_CPU', 'RLIMIT_NOFILE', 'RLIMIT_RTTIME', 'RLIMIT_X'].map(resourceNumber), [
    0,
    7,
    15,
    undefined,
  ]);
});
