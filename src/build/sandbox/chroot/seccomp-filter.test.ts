import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seccompProfile } from '../seccomp-profile.ts';
import { conditionsOf } from './seccomp-filter.ts';

test('conditions are laid out as struct scmp_arg_cmp', () => {
  const clone = seccompProfile('x64')?.syscalls.find(({ names }) => names.includes('clone'));
  assert.ok(clone);
  const words = conditionsOf(clone);
  const halves = new Uint32Array(words.buffer);
  assert.deepEqual([halves[0], halves[1], words[1], words[2]], [0, 7, 0x7e020000n, 0n]);
  assert.equal(conditionsOf({ names: ['read'], action: 'SCMP_ACT_ALLOW' }).length, 0);
});
