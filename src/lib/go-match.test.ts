import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGoMatch, hasWildcard } from './go-match.ts';

/** pattern, name, matches; undefined for a malformed pattern. Go's answers. */
const cases: readonly (readonly [string, string, boolean | undefined])[] = [
  ['abc', 'abc', true],
  ['', '', true],
  ['', 'a', false],
  ['*', 'abc', true],
  ['*', '', true],
  ['*c', 'abc', true],
  ['a*', 'a', true],
  ['a*', 'ab/c', false],
  ['a*/b', 'abc/b', true],
  ['a*/b', 'a/c/b', false],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
  ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
  ['a*b?c*x', 'abxbbxdbxebxczzx', true],
  ['a*b?c*x', 'abxbbxdbxebxczzy', false],
  ['**', 'ab', true],
  ['ab[c]', 'abc', true],
  ['ab[b-d]', 'abc', true],
  ['ab[^c]', 'abc', false],
  ['ab[^e-g]', 'abc', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'ab', false],
  ['a?b', 'a☺b', true],
  ['a[^a]b', 'a☺b', true],
  ['a???b', 'a☺b', false],
  ['[a-ζ]*', 'α', true],
  ['*[a-ζ]', 'A', false],
  ['a?b', 'a/b', false],
  ['a*b', 'a/b', false],
  ['[\\]a]', ']', true],
  ['[\\-x]', '-', true],
  ['[x\\-]', 'z', false],
  ['[]a]', ']', undefined],
  ['[-]', '-', undefined],
  ['[x-]', 'x', undefined],
  ['[-x]', 'x', undefined],
  ['[a-b-c]', 'a', undefined],
  ['[', 'a', undefined],
  ['[^bc', 'a', undefined],
  ['a[', 'ab', undefined],
  ['\\', 'a', undefined],
  ['[z-a]', 'b', false],
  ['*x', 'xxx', true],
  ['*.go', 'a.go', true],
  ['[a-c]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[^a]', '/', true],
  ['(.+)', 'abc', false],
  ['[a', 'a', undefined],
];

test('patterns match as in Go', () => {
  for (const [pattern, name, expected] of cases) {
    assert.equal(compileGoMatch(pattern)?.test(name), expected, `${pattern} on ${name}`);
  }
});

test('a pattern of many stars takes no time', () => {
  const started = performance.now();
  const pattern = compileGoMatch(`${'*a'.repeat(200)}*b`);
  assert.equal(pattern?.test('a'.repeat(4000)), false);
  assert.ok(performance.now() - started < 1000);
});

test('a backslash takes the wildcard from what follows', () => {
  for (const pattern of ['a*', 'a?', '[a]']) assert.equal(hasWildcard(pattern), true, pattern);
  assert.equal(hasWildcard('abc'), false);
  assert.equal(hasWildcard('a\\*'), false);
  assert.equal(hasWildcard('a\\\\*'), true);
});
