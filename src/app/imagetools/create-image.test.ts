import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { randomImage } from '../../../test/fixtures/random-image.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { digestOf } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import { createImage, parseImageSource } from './create-image.ts';

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

test('what to type instead has only what imagetools takes', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-imagetools-'));
  try {
    const store = await LayoutStore.open(directory);
    for (const seed of [1, 2]) {
      const { root } = await randomImage(store, { seed, platforms: ['linux/arm64'], layers: 1 });
      await store.tag(root, String(seed));
    }
    const sources = [`oci:${directory}:1`, `oci:${directory}:2`];
    await assert.rejects(createImage({ sources, tags: [], dryRun: true }), (error) => {
      assert.match(String(error), /two images are for linux\/arm64/);
      assert.doesNotMatch(String((error as { hint?: string }).hint), /--replace|@platform/);
      return true;
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
