import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeHeader } from '../../archive/tar-header.ts';
import { contentFromBytes } from '../../content/content.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { LayerTocs } from './image-tree.ts';

test('what is kept of all layers together has a limit', async () => {
  const store = new MemoryStore();
  const layerOf = async (name: string): Promise<Layer> => {
    const header = {
      path: name.repeat(90),
      type: 'directory',
      mode: 0o755,
      uid: 0,
      gid: 0,
      mtime: 0,
      size: 0,
    };
    const tar = Buffer.concat([encodeHeader({ ...header, type: 'directory' }), Buffer.alloc(1024)]);
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(tar), size: tar.length };
    await store.push(descriptor, contentFromBytes(tar));
    return { descriptor, diffId: descriptor.digest };
  };
  const tocs = new LayerTocs({ maxNameBytes: 1000 });
  const one = await layerOf('a');
  assert.equal((await tocs.of(store, one)).entries.length, 1);
  await tocs.of(store, one);
  await assert.rejects(
    (async () => {
      for (const name of 'bcdefghijk') await tocs.of(store, await layerOf(name));
    })(),
    { code: 'LIMIT', message: /maxNameBytes/ },
  );
});
