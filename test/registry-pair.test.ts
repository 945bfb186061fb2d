import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentFromBytes } from '../src/content/content.ts';
import { MemoryStore } from '../src/content/memory-store.ts';
import { sampleImage, storeSuite } from '../src/content/store.suite.ts';
import { digestOf } from '../src/lib/digest.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { anonymous } from '../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../src/registry/client/registry-client.ts';
import { startRegistry } from '../src/registry/server/start-registry.ts';
import { copyGraph } from '../src/transfer/copy-graph.ts';

/** The two rooms that may not import each other, over a real socket. */
async function openPair() {
  const root = await mkdtemp(join(tmpdir(), 'polyarch-pair-'));
  const registry = await startRegistry({ root });
  const client = new RegistryClient({ credentials: anonymous });
  return {
    client,
    host: registry.host,
    store: client.repository(registry.host, 'a/b'),
    async close() {
      client.close();
      await registry.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

storeSuite('a repository of our registry through our client', openPair);

test('a blob is mounted from another repository of our registry, and sent where it cannot be', async () => {
  const { client, host, store, close } = await openPair();
  try {
    const bytes = randomBytes(100_000);
    const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
    await store.push(blob, contentFromBytes(bytes));
    const other = client.repository(host, 'other');
    assert.equal(await other.mount(blob, 'a/b'), true);
    assert.equal(await other.exists(blob), true);
    const absent = { ...blob, digest: digestOf('absent'), size: 'absent'.length };
    assert.equal(await other.mount(absent, 'a/b'), false);
    await other.push(absent, contentFromBytes('absent'));
    assert.equal(await other.exists(absent), true);
  } finally {
    await close();
  }
});

test('a graph is copied with its tag, and a second time only tagged', async () => {
  const { store, close } = await openPair();
  try {
    const memory = new MemoryStore();
    const { descriptors, ...bytes } = sampleImage();
    for (const name of ['config', 'layer', 'manifest'] as const) {
      await memory.push(descriptors[name], contentFromBytes(bytes[name]));
    }
    await copyGraph(memory, store, descriptors.manifest, { tag: 'v1' });
    const states: string[] = [];
    await copyGraph(memory, store, descriptors.manifest, {
      tag: 'v2',
      onEvent: ({ state }) => states.push(state),
    });
    assert.deepEqual(states, ['exists']);
    assert.equal((await store.resolve('v2')).digest, descriptors.manifest.digest);
  } finally {
    await close();
  }
});
