import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from './duration.ts';

test('durations of hours, days and parts of them', () => {
  assert.equal(parseDuration('336h'), 336 * 3600);
  assert.equal(parseDuration('1h30m'), 5400);
  assert.equal(parseDuration('14d'), 14 * 86_400);
  for (const text of ['', '5', 'h', '1.5h', '1h ', '-1h', '1h1'])
    assert.equal(parseDuration(text), undefined, text);
});
