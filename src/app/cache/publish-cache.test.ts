import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CacheEntry } from '../../build/cache/record-source.ts';
import { importRecords } from '../../build/cache/remote/imported-records.ts';
import { KeyedRecords } from '../../build/cache/remote/keyed-records.ts';
import { contentFromBytes } from '../../content/content.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { publishCache } from './publish-cache.ts';

const signal = new AbortController().signal;

/** A store whose answers come after a while, so that writers get in each other's way. */
class SlowStore extends MemoryStore {
  override async resolve(reference: string): Promise<Descriptor> {
    await pause();
    return await super.resolve(reference);
  }
  override async tag(descriptor: Descriptor, reference: string): Promise<void> {
    await pause();
    await super.tag(descriptor, reference);
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
}

async function build(...names: string[]): Promise<{ source: MemoryStore; entries: CacheEntry[] }> {
  const source = new MemoryStore();
  const entries: CacheEntry[] = [];
  for (const name of names) {
    const bytes = Buffer.from(`layer of ${name}`);
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
    await source.push(descriptor, contentFromBytes(bytes));
    const record = {
      key: digestOf(name),
      created: 1,
      layer: { descriptor, diffId: digestOf(`diff ${name}`) },
    };
    entries.push({ keys: [digestOf(`key of ${name}`)], record });
  }
  return { source, entries };
}

async function publish(store: MemoryStore, scope: string, now: number, ...names: string[]): Promise<void> {
  const { source, entries } = await build(...names);
  await publishCache(entries, source, { store, name: 'cache' }, { scope, now, signal });
}

async function known(store: MemoryStore, ...names: string[]): Promise<boolean[]> {
  const records = await importRecords(store, await store.resolve('cache'), { signal });
  return await Promise.all(
    names.map(async (name) => (await records.lookup(digestOf(`key of ${name}`), { signal })) !== undefined),
  );
}

describe('publishCache', () => {
  test('what one build leaves, the next one finds, layer and all', async () => {
    const store = new MemoryStore();
    await publish(store, 'amd64', 10, 'a', 'b');
    const records = await importRecords(store, await store.resolve('cache'), { signal });
    const record = await records.lookup(digestOf('key of a'), { signal });
    assert.equal(record?.key, digestOf('a'));
    assert.ok(record && (await store.exists(record.layer.descriptor)));
    assert.equal(await records.lookup(digestOf('key of c'), { signal }), undefined);
  });

  test('writers of several scopes at once lose nothing of each other', async () => {
    for (let round = 0; round < 5; round++) {
      const store = new SlowStore();
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      await Promise.all(names.map((name) => publish(store, `scope of ${name}`, 10, name)));
      assert.deepEqual(
        await known(store, ...names),
        names.map(() => true),
      );
    }
  });

  test('a later build of one scope keeps what an earlier one left, for a month', async () => {
    const store = new MemoryStore();
    const day = 24 * 60 * 60;
    await publish(store, 'scope', 0, 'a');
    await publish(store, 'scope', day, 'b');
    assert.deepEqual(await known(store, 'a', 'b'), [true, true]);
    await publish(store, 'scope', 31 * day - 1, 'c');
    assert.deepEqual(await known(store, 'a', 'b', 'c'), [false, true, true]);
  });

  test('steps whose layers the registry collected are left out', async () => {
    const store = new MemoryStore();
    await publish(store, 'scope', 0, 'a');
    const { entries } = await build('a');
    await store.delete(entries[0]?.record.layer.descriptor as Descriptor);
    await publish(store, 'scope', 1, 'b');
    assert.deepEqual(await known(store, 'a', 'b'), [false, true]);
  });
});

describe('KeyedRecords', () => {
  test('one tag a key; what is too old, or another key’s, is none', async () => {
    let now = 100;
    const records = new KeyedRecords(new MemoryStore(), { maxAge: 50, now: () => now });
    const { source, entries } = await build('a');
    const [entry] = entries as [CacheEntry];
    const { descriptor } = entry.record.layer;
    await records.store.push(descriptor, contentFromBytes('layer of a'));
    await records.record({ ...entry, used: now }, { signal });
    assert.ok(await source.exists(descriptor));
    assert.deepEqual(await records.lookup(entry.keys[0] ?? '', { signal }), entry.record);
    assert.equal(await records.lookup(digestOf('key of b'), { signal }), undefined);
    now = 151;
    assert.equal(await records.lookup(entry.keys[0] ?? '', { signal }), undefined);
  });
});
