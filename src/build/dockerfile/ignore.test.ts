import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ignoreFilesFor, parseIgnoreFile } from './ignore.ts';

describe('an ignore file', () => {
  test('is read line by line', () => {
    const text = '\ufeff# comment\n #no-comment\n/a/\n  b/../c  \r\n\n! d/\n/\n!/e\n';
    assert.deepEqual(parseIgnoreFile(text), ['#no-comment', 'a', 'c', '!d', '/', '!e']);
  });

  test('beside the Dockerfile comes before the one of the context', () => {
    assert.deepEqual(ignoreFilesFor('build/Dockerfile.dev'), {
      beside: 'build/Dockerfile.dev.dockerignore',
      inContext: '.dockerignore',
    });
  });
});
