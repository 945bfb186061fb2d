import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatReference } from '../oci/reference.ts';
import { parseTag } from './parse-tag.ts';

test('a name is taken, a host called like a transport included', () => {
  for (const name of ['localhost:5000/a:1', 'oci:5000/a:1', 'docker.io/library/local:x'])
    assert.equal(formatReference(parseTag(name)), name);
});

test('a transport and a digest are refused, with what to write', () => {
  for (const [text, hint] of [
    ['local:a:1', /^-t a:1 is kept in the local store/],
    ['docker://r.example/a', /^-t r\.example\/a is/],
    ['oci:directory', /^-t directory is/],
    [`a@sha256:${'0'.repeat(64)}`, /^-t a$/],
  ] as const)
    assert.throws(() => parseTag(text), { code: 'USAGE', hint }, text);
});
