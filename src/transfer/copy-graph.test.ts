import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../content/content.ts';
import { LayoutStore } from '../content/layout/layout-store.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { collect } from '../content/read-manifest.ts';
import { sampleImage } from '../content/store.suite.ts';
import type { Content, IoOptions, Mounter } from '../content/store.ts';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { beginCopy, type CopyEvent, copyGraph } from './copy-graph.ts';

/** Counts what moves, and how much of it at once. */
class CountingStore extends MemoryStore {
  readonly fetched: string[] = [];
  readonly pushed: string[] = [];
  readonly tags: string[] = [];
  running = 0;
  peak = 0;

  override async fetch(descriptor: Descriptor, options?: IoOptions) {
    this.fetched.push(descriptor.digest);
    return await super.fetch(descriptor, options);
  }
  override async push(descriptor: Descriptor, content: Content, options?: IoOptions) {
    this.running++;
    this.peak = Math.max(this.peak, this.running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    await super.push(descriptor, content, options);
    this.running--;
    this.pushed.push(descriptor.digest);
  }
  override async tag(descriptor: Descriptor, reference: string) {
    this.tags.push(reference);
    await super.tag(descriptor, reference);
  }
}

/** A repository whose registry has some blobs elsewhere. */
class MountingStore extends CountingStore implements Mounter {
  readonly registry = 'r.example';
  readonly repository: string;
  readonly elsewhere = new Map<string, MemoryStore>();
  readonly asked: string[] = [];

  constructor(repository: string) {
    super();
    this.repository = repository;
  }
  async mount(descriptor: Descriptor, fromRepository: string): Promise<boolean> {
    this.asked.push(fromRepository);
    const other = this.elsewhere.get(fromRepository);
    if (!other || !(await other.exists(descriptor))) return false;
    await MemoryStore.prototype.push.call(
      this,
      descriptor,
      contentFromBytes(await collect(await MemoryStore.prototype.fetch.call(other, descriptor))),
    );
    return true;
  }
}

async function put(store: MemoryStore, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await MemoryStore.prototype.push.call(store, descriptor, contentFromBytes(bytes));
  return descriptor;
}

/** An index of two images that share a layer. */
async function twoPlatforms(store: MemoryStore) {
  const shared = await put(store, mediaTypes.ociLayerGzip, 'shared');
  const images: Descriptor[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const own = await put(store, mediaTypes.ociLayerGzip, architecture);
    const config = await put(store, mediaTypes.ociConfig, { os: 'linux', architecture, rootfs: {} });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [shared, own] };
    images.push(await put(store, mediaTypes.ociManifest, manifest));
  }
  const root = await put(store, mediaTypes.ociIndex, { schemaVersion: 2, manifests: images });
  return { root, images, shared };
}

describe('copyGraph', () => {
  test('children before parents, the shared layer once, then the tag', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root, images, shared } = await twoPlatforms(source);
    const events: CopyEvent[] = [];
    await copyGraph(source, target, root, { tag: 'v1', onEvent: (event) => events.push(event) });
    assert.equal(target.pushed.length, 8);
    assert.equal(target.pushed.filter((digest) => digest === shared.digest).length, 1);
    assert.equal(target.pushed.at(-1), root.digest);
    for (const image of images)
      assert.ok(target.pushed.indexOf(image.digest) > target.pushed.indexOf(shared.digest));
    assert.equal((await target.resolve('v1')).digest, root.digest);
    assert.deepEqual(new Set(events.map((event) => event.state)), new Set(['copied']));
    assert.ok(target.peak <= 6);
  });

  test('a root that is there is only tagged', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root } = await twoPlatforms(source);
    await copyGraph(source, target, root);
    source.fetched.length = 0;
    await copyGraph(source, target, root, { tag: 'again' });
    assert.deepEqual(source.fetched, []);
    assert.deepEqual(target.tags, ['again']);
  });

  test('what is there is not read from the source', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root, images, shared } = await twoPlatforms(source);
    await copyGraph(source, target, images[0] as Descriptor);
    source.fetched.length = 0;
    await copyGraph(source, target, root);
    assert.equal(source.fetched.includes(shared.digest), false);
    assert.equal(source.fetched.includes(images[0]?.digest ?? ''), false);
  });

  test('a directory that has a manifest without its layers gets them', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'polyarch-copy-'));
    t.after(() => rm(directory, { recursive: true }));
    const target = await LayoutStore.open(directory);
    const image = sampleImage();
    const { config, layer, manifest } = image.descriptors;
    const source = new CountingStore();
    for (const [descriptor, bytes] of [
      [config, image.config],
      [layer, image.layer],
      [manifest, image.manifest],
    ] as const) {
      await source.push(descriptor, contentFromBytes(bytes));
      if (descriptor !== layer) await target.push(descriptor, contentFromBytes(bytes));
    }
    const states = async () => {
      const told: string[] = [];
      await copyGraph(source, target, manifest, {
        onEvent: ({ state, descriptor }) => told.push(`${state} ${descriptor.mediaType}`),
      });
      return told;
    };
    assert.deepEqual(await states(), [`exists ${manifest.mediaType}`, `copied ${layer.mediaType}`]);
    assert.ok(await target.exists(layer));
    assert.deepEqual(source.fetched, [layer.digest]);
    assert.deepEqual(await states(), [`exists ${manifest.mediaType}`]);
  });

  test('blobs are mounted: the named repositories first, then the source itself', async () => {
    const [source, target, base] = [new MountingStore('src'), new MountingStore('dst'), new MemoryStore()];
    const { root, shared } = await twoPlatforms(source);
    await MemoryStore.prototype.push.call(base, shared, contentFromBytes('shared'));
    target.elsewhere.set('src', source);
    target.elsewhere.set('base', base);
    const states = new Map<string, string>();
    await copyGraph(source, target, root, {
      mountFrom: (descriptor) => (descriptor.digest === shared.digest ? ['base'] : []),
      onEvent: ({ state, descriptor }) => states.set(descriptor.digest, state),
    });
    assert.equal(states.get(shared.digest), 'mounted');
    assert.ok(target.asked.includes('base') && target.asked.includes('src'));
    assert.equal(source.fetched.length, 3, 'manifests only');
  });

  test('one failure stops the rest, and nothing runs afterwards', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root, shared } = await twoPlatforms(source);
    await source.delete(shared);
    await assert.rejects(copyGraph(source, target, root, { tag: 'v1' }), { code: 'NOT_FOUND' });
    assert.equal(target.pushed.includes(root.digest), false);
    assert.deepEqual(target.tags, []);
  });

  test('foreign layers stay where their URLs say', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const config = await put(source, mediaTypes.dockerConfig, {});
    const mediaType = mediaTypes.dockerForeignLayerGzip;
    const layer = { mediaType, digest: digestOf('elsewhere'), size: 9, urls: ['https://example.com/l'] };
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers: [layer] };
    const root = await put(source, mediaTypes.dockerManifest, manifest);
    await copyGraph(source, target, root);
    assert.equal(target.pushed.includes(layer.digest), false);
  });

  test('an abort is the reason', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root } = await twoPlatforms(source);
    await assert.rejects(copyGraph(source, target, root, { signal: AbortSignal.abort() }), {
      code: 'INTERRUPTED',
    });
  });
});

describe('beginCopy', () => {
  test('what went ahead is not copied again', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root, shared } = await twoPlatforms(source);
    const copy = beginCopy(source, target);
    copy.ahead(shared);
    await copy.finish([root]);
    assert.equal(target.pushed[0], shared.digest);
    assert.equal(target.pushed.length, 8);
    assert.equal(new Set(target.pushed).size, 8);
  });

  test('a failure ahead is told at the end', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { root, shared } = await twoPlatforms(source);
    await source.delete(shared);
    const copy = beginCopy(source, target);
    copy.ahead(shared);
    await new Promise(setImmediate);
    await assert.rejects(copy.finish([root]), { code: 'NOT_FOUND' });
  });

  test('nothing is under way once it is abandoned, and nothing begins', async () => {
    const [source, target] = [new CountingStore(), new CountingStore()];
    const { shared, images } = await twoPlatforms(source);
    const copy = beginCopy(source, target);
    copy.ahead(shared);
    await copy.abandon(new Error('the build failed'));
    const pushed = target.pushed.length;
    copy.ahead(images[0] as Descriptor);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(target.pushed.length, pushed);
  });
});
