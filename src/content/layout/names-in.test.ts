import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namesIn } from './names-in.ts';

test('no directory has no names; one that cannot be read is an error, not an empty one', async () => {
  assert.deepEqual(await namesIn('/proc/self/none'), []);
  assert.deepEqual(await namesIn('/proc/self/status'), []);
  await assert.rejects(namesIn(`/${'x'.repeat(300)}`), { code: 'STORE' });
});
