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

test('work that was ended for its first caller is done again for who still wants it', async () => {
  const memo = new Memo<string>();
  const first = new AbortController();
  const second = new AbortController();
  const ended = memo.of(
    'a',
    () =>
      new Promise((_resolve, reject) =>
        first.signal.addEventListener('abort', () => reject(first.signal.reason)),
      ),
    first.signal,
  );
  const [one, other] = [
    memo.of('a', async () => 'again', second.signal),
    memo.of('a', async () => 'not', second.signal),
  ];
  first.abort(new Error('left out'));
  await assert.rejects(ended, /left out/);
  assert.deepEqual(await Promise.all([one, other]), ['again', 'again']);
  assert.equal(await memo.of('a', async () => 'not', second.signal), 'again');
});
