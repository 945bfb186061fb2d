import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentFromBytes } from '../content/content.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { digestOf } from '../lib/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { planCreate } from './plan-create.ts';
import { readSource } from './read-source.ts';

test('what a layout or saved archive notes beside an image stays there: Docker’s list has no place for it', async () => {
  const store = new MemoryStore();
  const put = async (mediaType: string, value: unknown) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const { dockerManifest: mediaType, dockerConfig } = mediaTypes;
  const rootfs = { type: 'layers', diff_ids: [] };
  const config = await put(dockerConfig, { os: 'linux', architecture: 'amd64', rootfs });
  const root = await put(mediaType, { schemaVersion: 2, mediaType, config, layers: [] });
  // As `docker save` writes it into index.json where containerd keeps the images.
  await store.tag({ ...root, annotations: { 'config.digest': config.digest } }, 'saved');
  const source = await readSource({ name: 'saved', store, reference: 'saved' });
  const platform = { os: 'linux', architecture: 'amd64' };
  assert.deepEqual(planCreate('t', [source]).draft.entries, [{ ...root, platform }]);
});
