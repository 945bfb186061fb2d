import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../content/content.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { Referrers } from './referrers.ts';

const subject = digestOf('subject');
const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };

async function put(store: MemoryStore, mediaType: string, value: object, tag: string): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  await store.tag(descriptor, tag);
  return descriptor;
}

class CountingStore extends MemoryStore {
  lists = 0;
  override async *listTags(): AsyncIterable<string> {
    this.lists++;
    yield* super.listTags();
  }
}

describe('Referrers', () => {
  test("finds the fallback tag's and cosign's, and lists tags once", async () => {
    const store = new CountingStore();
    const hex = subject.slice('sha256:'.length);
    const signature = await put(store, mediaTypes.ociManifest, { config, layers: [] }, `sha256-${hex}.sig`);
    const referrer = { ...config, artifactType: 'application/spdx+json', mediaType: mediaTypes.ociManifest };
    await put(store, mediaTypes.ociIndex, { manifests: [referrer, referrer] }, `sha256-${hex}`);
    const referrers = new Referrers(store);
    assert.deepEqual(await referrers.of(subject), [
      { descriptor: referrer },
      { descriptor: signature, tag: `sha256-${hex}.sig` },
    ]);
    assert.deepEqual(await referrers.of(digestOf('other')), []);
    assert.equal(store.lists, 1);
  });

  test('prefers the store’s own list, and ends at a limit', async () => {
    const store = Object.assign(new MemoryStore(), {
      async *listReferrers(): AsyncIterable<Descriptor> {
        for (let n = 0; n < 2000; n++) yield { ...config, digest: digestOf(String(n)) };
      },
    });
    await assert.rejects(new Referrers(store).of(subject), { code: 'LIMIT' });
  });
});
