import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, printableLines, printableOutput, redactText, redactUrl } from './redact.ts';

test('a URL loses its user, query and fragment', () => {
  assert.equal(redactUrl('https://me:pw@blobs.example/a/b?sig=secret#x'), 'https://blobs.example/a/b?…');
  assert.equal(redactUrl('http://h:5000/v2/'), 'http://h:5000/v2/');
  assert.equal(redactUrl('nonsense'), '(not a URL)');
});

test("another's text becomes one harmless line", () => {
  assert.equal(redactText('a\u001b[31mred\r\nb\u202ec'), 'a [31mred b c');
  assert.equal(redactText('see https://u:p@h/x?token=1 now'), 'see https://h/x?… now');
  assert.equal(redactText('got Bearer eyJhbGciOiJIUzI1 back'), 'got Bearer … back');
  assert.equal(redactText('{"password":"hunter2"}'), '{"password":"…"}');
  assert.equal(redactText('x'.repeat(500), 10), `${'x'.repeat(10)}…`);
});

test('text of others cannot drive a terminal: no control, no format character is left', () => {
  const hostile = 'a\u001b]0;title\u0007b\u009b2Jc\u061cd\u202ee\u2066f\r\ng\th';
  assert.equal(printable(hostile), 'a ]0;title b 2Jc d e f g h');
  assert.equal(printableLines('a\u001b[2Jb\n\tc'), 'a [2Jb\n\tc');
});

test("a program's output keeps its colours, and nothing else that a terminal obeys", () => {
  assert.equal(
    printableOutput('\u001b[1;31mred\u001b[0m\n\tx\u001b[2Jy\u001b]52;c;eA==\u0007z'),
    '\u001b[1;31mred\u001b[0m\n\tx [2Jy ]52;c;eA== z',
  );
});
