import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memo } from './memo.ts';

test('each key is made once, also side by side', async () => {
  const memo = new Memo<number>();
  let made = 0;
  const make = async () => ++made;
  assert.deepEqual(
    await Promise.all([memo.of('a', make), memo.of('a', make), memo.of('b', make)]),
    [1, 1, 2],
  );
});

test('a failure is the answer from then on', async () => {
  const memo = new Memo<number>();
  const broken = new Error('broken');
  await assert.rejects(
    memo.of('a', () => Promise.reject(broken)),
    broken,
  );
  await assert.rejects(
    memo.of('a', async () => 1),
    broken,
  );
});
