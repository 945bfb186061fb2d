import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CacheItem, CacheItemKind } from './cache-item.ts';
import { gcDue } from './gc-due.ts';
import { chooseGarbage, defaultGcPolicy, parseGcPolicy } from './gc-policy.ts';

const now = Date.parse('2026-06-01T00:00:00Z');
const day = 86_400_000;
const giga = 1e9;
const item = (id: string, size: number, days: number, kind: CacheItemKind = 'layer'): CacheItem => ({
  ...{ kind, id, name: '', size, shared: false },
  used: new Date(now - days * day).toISOString(),
});
const chosen = (items: readonly CacheItem[], free = 900 * giga, policy = defaultGcPolicy) =>
  chooseGarbage(items, policy, { disk: { total: 1000 * giga, free }, now }).map(({ id }) => id);

test('within the policy nothing goes, however old', () => {
  assert.deepEqual(chosen([item('new', giga, 0), item('old', 8 * giga, 900)]), []);
});

test('what nobody used for 60 days goes while more than the reserve is left, the oldest first', () => {
  const items = [item('new', 9 * giga, 1), item('old', 2 * giga, 61), item('older', 2 * giga, 62)];
  assert.deepEqual(chosen(items), ['older', 'old']);
  assert.deepEqual(chosen(items.slice(0, 2)), ['old']);
});

test('more than 100 GB, or a disk that is nearly full, takes the least recently used; the reserve stays', () => {
  const items = [item('a', 40 * giga, 1), item('b', 40 * giga, 2), item('c', 40 * giga, 3)];
  assert.deepEqual(chosen(items), ['c']);
  assert.deepEqual(chosen(items.slice(0, 2), 180 * giga), ['b']);
  assert.deepEqual(chosen([item('a', 9 * giga, 1)], 0), []);
});

test('sources and cache mounts of two days ago are kept to 512 MB', () => {
  const items = [item('new', giga, 1, 'source'), item('old', giga, 3, 'cache-mount'), item('layer', giga, 3)];
  assert.deepEqual(chosen(items), ['old']);
});

test('a policy is the default with what is named, or off', () => {
  assert.equal(parseGcPolicy('off'), undefined);
  assert.deepEqual(parseGcPolicy('max-used-space=20g,min-free-space=5%,keep-duration=14d'), {
    ...defaultGcPolicy,
    ...{ maxUsedSpace: { bytes: 20 * 2 ** 30 }, minFreeSpace: { percent: 5 }, keepDuration: 14 * 86_400 },
  });
  const small = parseGcPolicy('max-used-space=3g,reserved-space=1g') ?? defaultGcPolicy;
  assert.deepEqual(chosen([item('a', 2 * giga, 0), item('b', 2 * giga, 1)], 900 * giga, small), ['b']);
  for (const text of ['on', 'max-used-space=lots', 'keep-duration=1', 'min-free-space=101%'])
    assert.throws(() => parseGcPolicy(text), { code: 'USAGE' }, text);
});

test('it is due once an hour, for one build, and not on the day that the machine is new', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-gc-'));
  try {
    assert.equal(gcDue(directory, now), false);
    assert.equal(gcDue(directory, now + 3_599_000), false);
    utimesSync(join(directory, 'cache', 'gc'), now / 1000, (now - 3_600_000) / 1000);
    assert.deepEqual([gcDue(directory, now), gcDue(directory, now)], [true, false]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
