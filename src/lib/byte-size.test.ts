import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseByteSize } from './byte-size.ts';

test('sizes are read as Docker reads them', () => {
  const cases: Readonly<Record<string, number | undefined>> = {
    '0': 0,
    '512': 512,
    '64m': 64 * 1024 ** 2,
    '1.5GiB': 1.5 * 1024 ** 3,
    '2 KB': 2048,
    '1b': 1,
    '': undefined,
    '-1': undefined,
    m: undefined,
    '1mm': undefined,
    '9999999p': undefined,
  };
  for (const [text, bytes] of Object.entries(cases)) assert.equal(parseByteSize(text), bytes, text);
});
