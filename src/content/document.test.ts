import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from './document.ts';

const parse = (more: object) =>
  parseDocument(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [], ...more })), 'x');

test('annotations are texts: Go’s null is none, all else is refused', () => {
  const { kind, ...read } = parse({ annotations: null });
  assert.equal(kind, 'index');
  assert.ok('index' in read && read.index.annotations === undefined);
  for (const annotations of [{ a: 1 }, ['x'], 'x', { a: null }]) {
    assert.throws(() => parse({ annotations }), {
      code: 'CONTENT_INVALID',
      message: /annotations are no mapping of texts/,
    });
  }
});

test('a value that is nested too deep to be written again is refused; brackets in texts are none', () => {
  const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown;
  assert.equal(parse({ x: nested(400), y: `"\\\\${'['.repeat(1000)}` }).kind, 'index');
  assert.throws(() => parse({ x: nested(501) }), { code: 'LIMIT', message: /nested more than 500 deep/ });
});
