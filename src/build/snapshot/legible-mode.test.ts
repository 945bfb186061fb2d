import assert from 'node:assert/strict';
import { test } from 'node:test';
import { legibleMode } from './legible-mode.ts';

test('who owns everything and is not root can read it; for root modes stay', () => {
  const user = { owners: 'lost', overrides: false } as const;
  assert.equal(legibleMode(0o4000, { ...user, isDirectory: false }), 0o4400);
  assert.equal(legibleMode(0o755, { ...user, isDirectory: false }), 0o755);
  assert.equal(legibleMode(0o1333, { ...user, isDirectory: true }), 0o1733);
  assert.equal(legibleMode(0, { ...user, isDirectory: true, overrides: true }), 0);
  assert.equal(legibleMode(0, { ...user, isDirectory: true, owners: 'kept' }), 0);
});
