import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore } from '../../content/memory-store.ts';
import { failure } from '../../lib/errors.ts';
import { whileItAnswers } from './failing-source.ts';

const { signal } = new AbortController();

test('a cache that fails is told of once and asked no more', async () => {
  let asked = 0;
  const told: string[] = [];
  const lookup = async () => {
    asked++;
    throw failure('UNAUTHORIZED', 'read', 'cache', 'no');
  };
  const source = whileItAnswers({ store: new MemoryStore(), lookup }, (message) => told.push(message));
  assert.deepEqual(await Promise.all([source.lookup('a', { signal }), source.lookup('b', { signal })]), [
    undefined,
    undefined,
  ]);
  assert.equal(await source.lookup('c', { signal }), undefined);
  assert.equal(asked, 2);
  assert.equal(told.length, 1);
});

test('an interrupt is no failure of the cache', async () => {
  const lookup = async () => {
    throw failure('INTERRUPTED', 'read', 'cache', 'interrupted');
  };
  const source = whileItAnswers({ store: new MemoryStore(), lookup }, () => {});
  await assert.rejects(source.lookup('a', { signal }), { code: 'INTERRUPTED' });
});
