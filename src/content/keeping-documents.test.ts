import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { contentFromBytes } from './content.ts';
import { keepingDocuments } from './keeping-documents.ts';
import { MemoryStore } from './memory-store.ts';
import { readBytes } from './read-manifest.ts';
import { sampleImage } from './store.suite.ts';
import type { Store } from './store.ts';

describe('documents of a store that are kept', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-documents-'));
  const directory = join(scratch, 'documents');
  const { manifest, descriptors } = sampleImage('kept');
  const store = new MemoryStore();
  let fetched = 0;
  const counted: Store = {
    fetch: async (descriptor) => {
      fetched++;
      return await store.fetch(descriptor);
    },
    push: (descriptor, content) => store.push(descriptor, content),
    exists: (descriptor) => store.exists(descriptor),
    resolve: (reference) => store.resolve(reference),
    tag: (descriptor, reference) => store.tag(descriptor, reference),
  };
  const read = () => readBytes(keepingDocuments(counted, directory), descriptors.manifest);
  before(() => store.push(descriptors.manifest, contentFromBytes(manifest)));
  after(() => rmSync(scratch, { recursive: true }));

  test('are fetched once, also for another process', async () => {
    assert.deepEqual([await read(), await read(), fetched], [manifest, manifest, 1]);
  });

  test('are fetched anew when the file is another, and then kept', async () => {
    const [name = ''] = readdirSync(directory);
    for (const wrong of ['', 'x'.repeat(manifest.length)]) {
      writeFileSync(join(directory, name), wrong);
      fetched = 0;
      assert.deepEqual([await read(), await read(), fetched], [manifest, manifest, 1]);
    }
  });

  test('come where nothing can be kept', async () => {
    writeFileSync(join(scratch, 'file'), '');
    const reader = keepingDocuments(counted, join(scratch, 'file', 'below'));
    assert.deepEqual(await readBytes(reader, descriptors.manifest), manifest);
  });

  test('that are missing are NOT_FOUND, and nothing is kept of them', async () => {
    await assert.rejects(readBytes(keepingDocuments(counted, directory), descriptors.config), {
      code: 'NOT_FOUND',
    });
    assert.equal(readdirSync(directory).length, 1);
  });
});
