import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fields, formatBytes, table } from './table.ts';

test('columns are aligned, without trailing spaces', () => {
  const text = table(
    [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'X' }],
    [
      ['a', '1', ''],
      ['long name', '1000', 'y'],
    ],
  );
  assert.equal(text, 'NAME          N  X\na             1\nlong name  1000  y\n');
});

test('fields without a value are left out', () => {
  assert.equal(
    fields([
      ['A', '1'],
      ['Long', undefined],
      ['Bc', '2'],
    ]),
    'A:   1\nBc:  2\n',
  );
});

test('what somebody else wrote cannot drive the terminal, in a cell, a name or a value', () => {
  const hostile = 'a\u001b[2J\nb';
  assert.equal(table([{ title: 'T' }], [[hostile]]), 'T\na [2J b\n');
  assert.equal(fields([[hostile, hostile]]), 'a [2J b:  a [2J b\n');
});

test('a table may have more rows than a call takes arguments', () => {
  assert.equal(table([{ title: 'T' }], new Array(200_000).fill(['x'])).length, 2 * 200_001);
});

test('sizes in powers of 1000', () => {
  const sizes = [0, 999, 1000, 1234, 99_960, 999_600, 12_345_678, 5e12, 5e15];
  assert.deepEqual(sizes.map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 kB',
    '100.0 kB',
    '1.0 MB',
    '12.3 MB',
    '5.0 TB',
    '5000 TB',
  ]);
});
