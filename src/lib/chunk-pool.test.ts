import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chunkBytes, giveBack, isLent, takeChunk } from './chunk-pool.ts';

test('a chunk that was given back is lent again, and once only', () => {
  const chunk = takeChunk();
  assert.equal(chunk.length, chunkBytes);
  const part = chunk.subarray(10, 20);
  assert.ok(isLent(part));
  giveBack(part);
  giveBack(chunk);
  assert.ok(!isLent(part));
  const [again, other] = [takeChunk(), takeChunk()];
  assert.equal(again.buffer, chunk.buffer);
  assert.equal(again.length, chunkBytes);
  assert.notEqual(other.buffer, chunk.buffer);
});

test('bytes of others are left alone', () => {
  const bytes = new Uint8Array(chunkBytes);
  giveBack(bytes);
  assert.ok(!isLent(bytes));
  assert.notEqual(takeChunk().buffer, bytes.buffer);
});
