import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isFailure } from '../../../lib/errors.ts';
import { RootedTree } from './rooted-tree.ts';
import { type SourcePattern, selectSources } from './select-sources.ts';

const { signal } = new AbortController();
let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'polyarch-filters-'));
  for (const path of ['a.txt', 'c.md', 'd/x', 'd/sub/y.txt', 'e/a/b/z.txt', 'e/a/q']) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), path);
  }
  symlinkSync('d', join(root, 'dlink'));
});
after(() => rmSync(root, { recursive: true }));

function paths(source: SourcePattern): string[] {
  const { items } = selectSources(new RootedTree(root), [source], { owners: 'zero', signal });
  return items.flatMap((item) => item.entries.map((entry) => entry.path));
}

describe('--exclude', () => {
  // As dockerd 28.5.2 does: what is named itself is not left out, only what lies below it.
  const cases: readonly (readonly [SourcePattern, readonly string[]])[] = [
    [{ pattern: '*.txt', exclude: ['*.txt'] }, ['']],
    [{ pattern: 'd', exclude: ['sub'] }, ['', 'x']],
    [{ pattern: 'd', exclude: ['**/*.txt'] }, ['', 'sub', 'x']],
    [{ pattern: 'd', exclude: ['*', '!sub/y.txt'] }, ['', 'sub', 'sub/y.txt']],
    [{ pattern: '.', exclude: ['d', 'e', '*.*'] }, ['', 'dlink']],
  ];
  for (const [source, expected] of cases) {
    test(`${source.pattern} without ${source.exclude?.join(' ')}`, () => {
      assert.deepEqual(paths(source), expected);
    });
  }
});

describe('--parents', () => {
  const cases: readonly (readonly [SourcePattern, readonly string[]])[] = [
    [{ pattern: '.', include: 'e/a/b/z.txt' }, ['', 'e', 'e/a', 'e/a/b', 'e/a/b/z.txt']],
    [{ pattern: 'e', include: 'a/b/z.txt' }, ['', 'a', 'a/b', 'a/b/z.txt']],
    [{ pattern: '.', include: '*/sub' }, ['', 'd', 'd/sub', 'd/sub/y.txt']],
    [
      { pattern: '.', include: '**/*.txt' },
      ['', 'a.txt', 'd', 'd/sub', 'd/sub/y.txt', 'e', 'e/a', 'e/a/b', 'e/a/b/z.txt'],
    ],
    [{ pattern: '.', include: '*.none' }, ['']],
    [{ pattern: 'dlink', include: 'x' }, ['', 'x']],
    [{ pattern: '.', include: '**/*.txt', exclude: ['e'] }, ['', 'a.txt', 'd', 'd/sub', 'd/sub/y.txt']],
  ];
  for (const [source, expected] of cases) {
    test(`${source.pattern}/./${source.include} ${source.exclude?.join(' ') ?? ''}`, () => {
      assert.deepEqual(paths(source), expected);
    });
  }

  test('a path that is not there is missed, a pattern is not', () => {
    for (const include of ['nope', 'd/nope', 'dlink/x']) {
      assert.throws(
        () => paths({ pattern: '.', include }),
        (error) => isFailure(error, 'NOT_FOUND'),
        include,
      );
    }
    assert.throws(
      () => paths({ pattern: 'nope', include: '*' }),
      (error) => isFailure(error, 'NOT_FOUND'),
    );
  });
});

test('what is before the first wildcard must be there', () => {
  for (const pattern of ['nope/*', 'a.txt/*'])
    assert.throws(
      () => paths({ pattern }),
      (error) => isFailure(error, 'NOT_FOUND'),
      pattern,
    );
});

test('a literal is no pattern, and its last link is not followed', () => {
  assert.throws(
    () => paths({ pattern: '*.txt', literal: true }),
    (error) => isFailure(error, 'NOT_FOUND'),
  );
  assert.deepEqual(paths({ pattern: 'dlink', literal: true }), ['']);
});
