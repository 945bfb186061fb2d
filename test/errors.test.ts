import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { errorCodes } from '../src/lib/errors.ts';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

/** Cells are padded by the formatter. */
const rows = [...page.matchAll(/^\| `([A-Z_]+)` *\| ([0-9]+) *\| ([^|]+) \| ([^|]+) \|$/gm)].map(
  ([, code = '', exit, meaning = '', remedy = '']) => ({
    code,
    exit: Number(exit),
    meaning: meaning.trim(),
    remedy: remedy.trim(),
  }),
);

test('docs/errors.md has every code with its exit code and meaning, in the order of the table', () => {
  assert.deepEqual(
    rows.map(({ code, exit, meaning }) => ({ code, exit, meaning })),
    Object.entries(errorCodes).map(([code, { exit, meaning }]) => ({ code, exit, meaning })),
  );
});

test('every code says what to do', () => {
  assert.deepEqual(
    rows.filter((row) => row.remedy.length < 10).map((row) => row.code),
    [],
  );
});
