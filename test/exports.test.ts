import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const checkout = resolve(import.meta.dirname, '..');
const indexes = globSync('**/index.ts', { cwd: join(checkout, 'src') }).sort();

test('package.json exports every room that has an index, and nothing else', () => {
  const { exports } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { exports: object };
  const expected = Object.fromEntries(
    indexes.map((file) => {
      const room = file.replace(/\/?index\.ts$/, '');
      const name = room === '' ? 'polyarch' : room.replaceAll('/', '-');
      const types = `./dist/types/${file.replace(/\.ts$/, '.d.ts')}`;
      return [room === '' ? '.' : `./${room}`, { types, default: `./dist/${name}.js` }];
    }),
  );
  assert.deepEqual(exports, { ...expected, './package.json': './package.json' });
});

test('an index names what it exports', () => {
  for (const file of indexes)
    assert.doesNotMatch(readFileSync(join(checkout, 'src', file), 'utf8'), /export \*/, file);
});
