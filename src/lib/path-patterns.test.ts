import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PathPatterns } from './path-patterns.ts';

/** patterns, path, matched. */
const cases: readonly (readonly [readonly string[], string, boolean])[] = [
  [['a'], 'a', true],
  [['a'], 'a/b/c', true],
  [['a'], 'b/a', false],
  [['*'], 'a/b', true],
  [['a/*'], 'a', false],
  [['a/*'], 'a/b/c', true],
  [['*.go'], 'a.go', true],
  [['*.go'], 'x/a.go', false],
  [['**/*.go'], 'x/y/a.go', true],
  [['**/*.go'], 'a.go', true],
  [['**/foo'], 'foo', true],
  [['**/foo'], 'barfoo', false],
  [['**foo'], 'barfoo', true],
  [['**'], 'a/b', true],
  [['a/**'], 'a/b/c', true],
  [['a/**'], 'a', false],
  [['a/**/b'], 'a/b', true],
  [['a/**/b'], 'a/x/y/b', true],
  [['a/**/b'], 'a/xb', false],
  [['a?c'], 'abc', true],
  [['a?c'], 'a/c', false],
  [['a.c'], 'abc', false],
  [['[a-c]x'], 'bx', true],
  [['a\\*'], 'a*', true],
  [['a\\*'], 'ab', false],
  [['*', '!a'], 'a', false],
  [['*', '!a'], 'a/b', false],
  [['a', '!a/b'], 'a/b/c', false],
  [['a', '!a/b'], 'a/c', true],
  [['a', '!a/b', 'a/b/c'], 'a/b/c', true],
  [['!a', 'a'], 'a', true],
  [['**', '!**/*.md', 'secret.md'], 'x/y.md', false],
  [['**', '!**/*.md', 'secret.md'], 'secret.md', true],
];

describe('ignore rules', () => {
  test('the last pattern that matches the path or a parent wins', () => {
    for (const [patterns, path, ignored] of cases) {
      assert.equal(new PathPatterns(patterns).matches(path), ignored, `${patterns.join(' ')} on ${path}`);
    }
  });

  test('malformed patterns are refused', () => {
    for (const pattern of ['!', 'a[', 'a\\']) {
      assert.throws(() => new PathPatterns([pattern]), { code: 'DOCKERFILE' }, pattern);
    }
  });

  test('a directory that is pruned holds nothing that is taken in again', () => {
    const segment = fc.constantFrom('a', 'b', '*', '**', 'a*', '?');
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const pattern = fc.tuple(fc.constantFrom('', '!'), path).map((parts) => parts.join(''));
    const name = fc.constantFrom('a', 'b', 'ab');
    const names = fc.array(name, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), names, names, (patterns, directory, below) => {
        const matcher = new PathPatterns(patterns);
        if (!matcher.matches(directory) || matcher.mayTakeBack(directory)) return;
        assert.ok(matcher.matches(`${directory}/${below}`));
      }),
      { numRuns: 300 },
    );
  });

  test('only directories above a ! pattern are descended into', () => {
    const matcher = new PathPatterns(['*', '!src/main']);
    assert.equal(matcher.mayTakeBack('src'), true);
    assert.equal(matcher.mayTakeBack('node_modules'), false);
  });

  test('patterns of many stars take no time', () => {
    const started = performance.now();
    new PathPatterns(['**/*a'.repeat(300)]).matches('a'.repeat(4000));
    assert.ok(performance.now() - started < 2000);
  });
});

test('a pattern that changes nothing for a directory does not count for what lies in it', () => {
  const patterns = new PathPatterns(['*', '!src/kept', 'src']);
  assert.equal(patterns.matches('src'), true);
  assert.equal(patterns.matches('src/kept'), false);
  assert.equal(patterns.matches('src/other'), true);
});
