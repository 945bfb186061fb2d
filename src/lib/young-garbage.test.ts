import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkPassed } from './young-garbage.ts';

test('dead chunks do not gather, however many pass', () => {
  const start = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let passed = 0; passed < 512; passed++) {
    chunkPassed(Buffer.allocUnsafeSlow(1024 * 1024).length);
    most = Math.max(most, process.memoryUsage().arrayBuffers - start);
  }
  // Without it some 500; the other tests of this process have garbage of their own.
  assert.ok(most < 128 * 1024 * 1024, `${Math.round(most / 1024 / 1024)} MiB`);
});
