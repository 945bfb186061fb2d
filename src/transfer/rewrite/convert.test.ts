import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../../content/content.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import { readManifest } from '../../content/read-manifest.ts';
import type { IoOptions } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { convert } from './convert.ts';

/** Counts what is read at once. */
class CountingStore extends MemoryStore {
  running = 0;
  peak = 0;

  override async fetch(descriptor: Descriptor, options?: IoOptions) {
    this.running++;
    this.peak = Math.max(this.peak, this.running);
    await new Promise((resolve) => setImmediate(resolve));
    this.running--;
    return await super.fetch(descriptor, options);
  }

  async add(mediaType: string, value: unknown): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  }

  async image(comment: string): Promise<Descriptor> {
    const config = await this.add(mediaTypes.ociConfig, { comment });
    const { ociManifest: mediaType } = mediaTypes;
    return await this.add(mediaType, { schemaVersion: 2, mediaType, config, layers: [] });
  }

  async index(manifests: readonly Descriptor[]): Promise<Descriptor> {
    const { ociIndex: mediaType } = mediaTypes;
    return await this.add(mediaType, { schemaVersion: 2, mediaType, manifests });
  }
}

const toDocker = (store: CountingStore, root: Descriptor) =>
  convert(store, root, { type: 'docker', layers: new MemoryStore() });

describe('converting', () => {
  test('reads few manifests at once', async () => {
    const store = new CountingStore();
    const images = await Promise.all(Array.from({ length: 40 }, (_, at) => store.image(String(at))));
    const { source, root } = await toDocker(store, await store.index(images));
    assert.equal(root.mediaType, mediaTypes.dockerManifestList);
    assert.ok(store.peak <= 6, `${store.peak} at once`);
    const [first] = JSON.parse(
      Buffer.concat(await (await source.fetch(root)).toArray()).toString(),
    ).manifests;
    assert.equal((await readManifest(source, first)).config.mediaType, mediaTypes.dockerConfig);
  });

  test('an index keeps what nobody here knows, and what names a converted image names the new one', async () => {
    const store = new CountingStore();
    const image = await store.image('');
    const empty = await store.add(mediaTypes.ociConfig, {});
    const statement = await store.add(mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: empty,
      layers: [],
      subject: image,
    });
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': image.digest,
    };
    const mediaType = mediaTypes.ociIndex;
    const listed = { ...image, data: 'e30=', 'com.example': 1 };
    const manifests = [{ ...statement, platform: unknown, annotations }, listed];
    const root = await store.add(mediaType, { schemaVersion: 2, mediaType, manifests, 'com.example': [1] });
    const { source, root: converted } = await toDocker(store, root);
    const read = async (descriptor: Descriptor) =>
      JSON.parse(Buffer.concat(await (await source.fetch(descriptor)).toArray()).toString());
    const index = await read(converted);
    assert.deepEqual(index['com.example'], [1]);
    const [attestation, child] = index.manifests;
    assert.deepEqual([child['com.example'], child.data], [1, undefined]);
    assert.notEqual(child.digest, image.digest);
    assert.equal(attestation.annotations['vnd.docker.reference.digest'], child.digest);
    const { mediaType: type, digest, size } = child;
    assert.deepEqual((await read(attestation)).subject, { mediaType: type, digest, size });
  });

  test('ends at a tower of indexes', async () => {
    const store = new CountingStore();
    let root = await store.image('');
    for (let level = 0; level < 6; level++) root = await store.index([root]);
    await assert.rejects(toDocker(store, root), { code: 'LIMIT', message: /nested more than 4 deep/ });
  });

  test('ends at an index of very many manifests', async () => {
    const store = new CountingStore();
    const { size, mediaType } = await store.image('');
    const manifests = Array.from({ length: 1001 }, (_, at) => ({
      mediaType,
      digest: digestOf(String(at)),
      size,
    }));
    await assert.rejects(toDocker(store, await store.index(manifests)), {
      code: 'LIMIT',
      message: /more than 1000 manifests/,
    });
  });
});
