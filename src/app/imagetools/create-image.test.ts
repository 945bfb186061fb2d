import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import { parseImageSource } from './create-image.ts';

const digest = digestOf('x');

test('a source is a reference, a digest or a descriptor', () => {
  assert.deepEqual(parseImageSource(`${digest}\n`), { text: digest, descriptor: { digest } });
  assert.equal(parseImageSource('localhost:5000/a:1').location?.transport, 'docker');
  const platform = { os: 'linux', architecture: 'arm64', 'os.version': '10.1' };
  const text = JSON.stringify({ digest, platform });
  assert.deepEqual(parseImageSource(text), { text: digest, descriptor: { digest, platform } });
});

test('a manifest, half a descriptor and no JSON are refused', () => {
  for (const text of [
    '{"schemaVersion":2}',
    '{}',
    '{"digest":"sha256:1"}',
    '{',
    `{"digest":"${digest}","platform":{}}`,
  ]) {
    assert.throws(() => parseImageSource(text), { code: 'USAGE' }, text);
  }
});

test('any text is a source or an error of ours', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((text) => `{"digest":${text}}`),
      ),
      (text) => {
        try {
          parseImageSource(text);
        } catch (error) {
          assert.ok(isFailure(error), String(error));
        }
      },
    ),
  );
});
