import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalDocument, terminalText } from './terminal-text.ts';

test('a terminal is told nothing that it obeys; a pipe gets every byte', () => {
  const bytes = Buffer.from('{\n\t"a": "\u009b2J\u202e"\n}');
  assert.equal(terminalDocument(bytes, false), bytes);
  assert.equal(terminalDocument(bytes, true), '{\n\t"a": " 2J "\n}');
  assert.equal(terminalText('a\u001b[2J\n', true), 'a [2J\n');
});
