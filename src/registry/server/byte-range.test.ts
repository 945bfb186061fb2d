import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseByteRange } from './byte-range.ts';

test('a range is read, cut at the end, or ignored', () => {
  const cases: [string | undefined, number, unknown][] = [
    [undefined, 10, undefined],
    ['bytes=0-0', 10, { start: 0, length: 1 }],
    ['bytes=9-', 10, { start: 9, length: 1 }],
    ['bytes=-10', 10, { start: 0, length: 10 }],
    ['bytes=-99', 10, { start: 0, length: 10 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=5-4', 10, undefined],
    ['bytes=-', 10, undefined],
    ['items=0-1', 10, undefined],
  ];
  for (const [header, size, expected] of cases)
    assert.deepEqual(parseByteRange(header, size), expected, header);
});

test('whatever a header says, a range lies within the blob', () => {
  const part = fc.oneof(fc.nat().map(String), fc.constant(''), fc.string());
  fc.assert(
    fc.property(part, part, fc.nat(), (first, last, size) => {
      const range = parseByteRange(`bytes=${first}-${last}`, size);
      if (range === undefined || range === 'unsatisfiable') return;
      assert.ok(range.start >= 0 && range.length > 0 && range.start + range.length <= size);
    }),
  );
});
