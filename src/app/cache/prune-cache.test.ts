import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheItem } from './cache-item.ts';
import { chooseItems } from './choose-items.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const item = (id: string, hours: number, more: Partial<CacheItem> = {}): CacheItem => {
  const used = new Date(now - hours * 3_600_000).toISOString();
  return { kind: 'layer', id, name: id, size: 10, used, shared: false, ...more };
};
const items = [item('a', 1), item('b', 2), item('c', 3)];
const chosen = (
  options: { keepDuration?: number; maxUsedSpace?: number },
  from: readonly CacheItem[] = items,
) => chooseItems(from, { ...options, now }).map(({ id }) => id);

test('everything, what is old, or the least recently used until it fits', () => {
  assert.deepEqual(chosen({}), ['c', 'b', 'a']);
  assert.deepEqual(chosen({ keepDuration: 2.5 * 3600 }), ['c']);
  assert.deepEqual(chosen({ maxUsedSpace: 20 }), ['c']);
  assert.deepEqual(chosen({ maxUsedSpace: 30 }), []);
  assert.deepEqual(chosen({ maxUsedSpace: 0, keepDuration: 1.5 * 3600 }), ['c', 'b']);
});

test('what is of no use to a build goes first; what images share counts for nothing', () => {
  assert.deepEqual(
    chosen({ maxUsedSpace: 20 }, [item('manifest', 0.5, { kind: 'content' }), ...items.slice(1)]),
    ['manifest'],
  );
  assert.deepEqual(chosen({ maxUsedSpace: 10 }, [item('a', 1), item('b', 2, { shared: true })]), []);
});
