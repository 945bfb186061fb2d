import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type GitReference, parseGitReference } from './git-reference.ts';

describe('an address of a git repository', () => {
  const cases: Readonly<Record<string, GitReference | undefined>> = {
    'https://h/a/b.git': { remote: 'https://h/a/b.git' },
    'https://u:p@h/a.git#ref:dir': { remote: 'https://u:p@h/a.git', ref: 'ref', subdirectory: 'dir' },
    'https://h/a.git#:/x/../y/': { remote: 'https://h/a.git', subdirectory: 'y' },
    'https://h/a.git#r:../../y': { remote: 'https://h/a.git', ref: 'r', subdirectory: 'y' },
    'http://h/a.git?ref=x&subdir=d': { remote: 'http://h/a.git', ref: 'x', subdirectory: 'd' },
    'https://h/a.git?tag=v1': { remote: 'https://h/a.git', ref: 'refs/tags/v1' },
    'https://h/a.git?branch=v1&checksum=abc': {
      remote: 'https://h/a.git',
      ref: 'refs/heads/v1',
      checksum: 'abc',
    },
    'https://h/a.git?keep-git-dir&submodules=false&mtime=commit': {
      remote: 'https://h/a.git',
      keepGitDirectory: true,
      submodules: false,
      modified: 'commit',
    },
    'git://h/a': { remote: 'git://h/a' },
    'ssh://git@h:22/a#x': { remote: 'ssh://git@h:22/a', ref: 'x' },
    'git@h:a/b.git#x:y': { remote: 'git@h:a/b.git', ref: 'x', subdirectory: 'y' },
    'https://h/a': undefined,
    'https://h/a.git/b': undefined,
    'github.com/a/b': undefined,
    './git@h:x': undefined,
    'file:///a.git': undefined,
    'ext::sh -c x': undefined,
    'a/b': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) {
    test(text, () => {
      const found = parseGitReference(text);
      assert.deepEqual(found?.kind === 'git' ? found.reference : found, expected);
    });
  }

  for (const text of [
    'https://h/a.git?foo=1',
    'https://h/a.git?ref=a&ref=b',
    'https://h/a.git?ref=a#b',
    'https://h/a.git?subdir=a#b:c',
    'https://h/a.git?tag=a&branch=b',
    'https://h/a.git?submodules=perhaps',
    'https://h/a.git?mtime=now',
    'https://h/a.git?checksum=--x',
    'https://h/a.git#--upload-pack=x',
    'https://h/a.git#a%0ab',
  ]) {
    test(`invalid: ${text}`, () => assert.equal(parseGitReference(text)?.kind, 'invalid'));
  }

  test('never gives git an option or a line', () => {
    const part = fc.constantFrom(
      '-',
      '--x',
      '\n',
      ' ',
      '%0a',
      'a',
      '#',
      ':',
      '?ref=',
      '@',
      '/',
      '.git',
      'git@h:',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        for (const start of ['https://h/a.git', 'git@h:', 'ssh://', 'git://h/']) {
          const found = parseGitReference(start + parts.join(''));
          if (found?.kind !== 'git') continue;
          const { remote, ref = '', subdirectory = '' } = found.reference;
          for (const word of [remote, ref]) assert.doesNotMatch(word, /^-|[\0-\u0020]/);
          assert.doesNotMatch(`/${subdirectory}/`, /\/\.\.\//);
        }
      }),
    );
  });
});
