import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactText, redactUrl } from './redact.ts';

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
