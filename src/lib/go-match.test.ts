import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGoMatch, hasWildcard } from './go-match.ts';

test('patterns match as filepath.Match has them', () => {
  const cases: [string, string, boolean | undefined][] = [
    ['abc', 'abc', true],
    ['*', '', true],
    ['*.go', 'a.go', true],
    ['*', 'a/b', false],
    ['a?b', 'aéb', true],
    ['a?b', 'a/b', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[^a]', '/', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['[\\]a]', ']', true],
    ['[z-a]', 'b', false],
    ['(.+)', 'abc', false],
    ['[]a]', 'a', undefined],
    ['[-]', '-', undefined],
    ['[x-]', 'x', undefined],
    ['[', 'a', undefined],
    ['[a', 'a', undefined],
    ['a\\', 'a', undefined],
  ];
  for (const [pattern, name, expected] of cases) {
    assert.equal(compileGoMatch(pattern)?.test(name), expected, `${pattern} ${name}`);
  }
});

test('an escaped wildcard is none', () => {
  assert.deepEqual(['a*', 'a?', '[a]', 'a\\*', 'abc', '\\\\*'].map(hasWildcard), [
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
});
