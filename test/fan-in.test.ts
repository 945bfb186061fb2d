import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentFromBytes } from '../src/content/content.ts';
import { MemoryStore } from '../src/content/memory-store.ts';
import { fanIn, registrationTag } from '../src/index/fan-in.ts';
import { digestOf } from '../src/lib/digest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { parsePlatform } from '../src/oci/platform.ts';

test('a key becomes part of a tag, or is refused', () => {
  const platform = parsePlatform('linux/arm/v7');
  assert.equal(registrationTag('1234-2', platform), 'fan-in-1234-2-linux-arm-v7');
  assert.equal(registrationTag('k', parsePlatform('linux/arm64/v8')), 'fan-in-k-linux-arm64');
  for (const key of ['', 'a/b', 'ä', '-x', 'x'.repeat(120)]) {
    assert.throws(() => registrationTag(key, platform), { code: 'USAGE' }, key);
  }
});

test('a tag that somebody else has is left alone', async () => {
  const store = new MemoryStore();
  const platform = parsePlatform('linux/arm64');
  const put = async (mediaType: string, value: unknown) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const image = (seed: string) =>
    put(mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(seed), size: 1 },
      layers: [],
    });
  const [theirs, ours] = [await image('theirs'), await image('ours')];
  await store.tag(theirs, registrationTag('k', platform));
  const entry = { ...ours, platform };
  const source = { name: 's', store, root: ours, entries: [entry], isIndex: false };
  const target = { name: 't', store, references: ['x'] };
  await assert.rejects(fanIn([target], [source], { key: 'k', require: [platform] }), { code: 'CONFLICT' });
  assert.equal((await store.resolve(registrationTag('k', platform))).digest, theirs.digest);
});

test('a fan-in of nobody is refused', async () => {
  const target = { name: 't', store: new MemoryStore(), references: ['x'] };
  await assert.rejects(fanIn([target], [], { key: 'k', require: [parsePlatform('amd64')] }), {
    code: 'USAGE',
  });
});
