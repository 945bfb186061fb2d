import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../src/content/content.ts';
import { MemoryStore } from '../src/content/memory-store.ts';
import type { ResolvedDocument } from '../src/content/store.ts';
import { fanIn, registrationTag } from '../src/index/fan-in.ts';
import { digestOf } from '../src/lib/digest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { parsePlatform } from '../src/oci/platform.ts';
import { randomFrom, stressFanIn, stressPlatforms } from './fixtures/fan-in-stress.ts';

/** Rounds of eight jobs each: `POLYARCH_STRESS=100` runs the full test; test/integration/fan-in.test.ts is the same over a registry. */
const rounds = Number(process.env.POLYARCH_STRESS ?? 1);
const failures = 3;

describe(`fan-in of ${stressPlatforms.length} jobs, ${rounds} times, ${failures} of 100 calls fail`, () => {
  const seed = Number(process.env.POLYARCH_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const random = randomFrom(seed);

  test(`over memory (seed ${seed})`, async () => {
    for (let round = 0; round < rounds; round++) {
      const store = new MemoryStore();
      // Jobs must not share a store object with capabilities that the faults would hide.
      const open = () => bare(store);
      await stressFanIn({ open, key: `run-${round}`, random, failures });
    }
  });
});

/** The store with the exchanges that a registry has, and nothing else. */
function bare(store: MemoryStore) {
  return {
    fetch: store.fetch.bind(store),
    push: store.push.bind(store),
    exists: store.exists.bind(store),
    resolve: store.resolve.bind(store),
    tag: store.tag.bind(store),
    async resolveDocument(reference: string) {
      const descriptor = await store.resolve(reference);
      const chunks = await (await store.fetch(descriptor)).toArray();
      return { descriptor, bytes: Buffer.concat(chunks as Buffer[]) };
    },
    async pushNamed({ descriptor, bytes }: ResolvedDocument, reference: string) {
      await store.push(descriptor, contentFromBytes(bytes));
      await store.tag(descriptor, reference);
    },
  };
}

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
