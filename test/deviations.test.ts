import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCases } from './build-goldens/case-file.ts';

test('docs/deviations.md has every deviation of a golden build, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/deviations.md'), 'utf8');
  const told = [...page.slice(page.indexOf('## In golden builds')).matchAll(/^\| (.*?) +\| `(.*?)` +\|$/gm)];
  const expected = readCases().flatMap(({ id, deviation }) =>
    deviation === undefined ? [] : [`${deviation} (${id})`],
  );
  assert.deepEqual(
    told.map(([, what, id]) => `${what} (${id})`).sort(),
    expected.sort(),
    'a line of the table: | what the deviation: line says | `group/name` |',
  );
});
