import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { contentFromBytes } from '../content.ts';
import { sampleImage } from '../store.suite.ts';
import { LayoutStore } from './layout-store.ts';

async function withStore(work: (store: LayoutStore, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-prune-'));
  try {
    await work(await LayoutStore.open(directory), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function pushImage(store: LayoutStore) {
  const image = sampleImage();
  const { config, layer, manifest } = image.descriptors;
  await store.push(config, contentFromBytes(image.config));
  await store.push(layer, contentFromBytes(image.layer));
  await store.push(manifest, contentFromBytes(image.manifest));
  return image.descriptors;
}

async function pushJson(store: LayoutStore, mediaType: string, value: object): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  return descriptor;
}

const all = (image: Awaited<ReturnType<typeof pushImage>>) => Object.values(image);
const has = async (store: LayoutStore, contents: readonly Descriptor[]) =>
  (await Promise.all(contents.map((content) => store.exists(content)))).every((there) => there);

describe('prune', () => {
  test('removes what no name reaches, and nothing else', async () => {
    await withStore(async (store) => {
      const [named, unnamed] = [await pushImage(store), await pushImage(store)];
      const index = await pushJson(store, mediaTypes.ociIndex, { manifests: [named.manifest] });
      await store.tag(index, 'a');
      const empty = named.config;
      const artifact = (subject: Descriptor, layers: Descriptor[]) =>
        pushJson(store, mediaTypes.ociManifest, { subject, config: empty, layers });
      const kept = await artifact(named.manifest, []);
      const ofKept = await artifact(kept, [named.layer]);
      const dropped = await artifact(unnamed.manifest, []);
      const signature = await pushImage(store);
      await store.tag(signature.manifest, `r/a:${named.manifest.digest.replace(':', '-')}.sig`);
      const stale = await pushImage(store);
      const staleName = `r/a:${unnamed.manifest.digest.replace(':', '-')}`;
      await store.tag(stale.manifest, staleName);
      const dry = await store.prune({ dryRun: true });
      assert.equal(await has(store, [...all(unnamed), dropped]), true);
      const { removed, inUse } = await store.prune();
      assert.deepEqual(dry.removed, removed);
      assert.deepEqual(
        new Set(removed.map(({ digest }) => digest)),
        new Set([...all(unnamed), ...all(stale), dropped].map(({ digest }) => digest)),
      );
      assert.deepEqual(inUse, []);
      assert.equal(await has(store, [...all(named), ...all(signature), index, kept, ofKept]), true);
      await assert.rejects(store.resolve(staleName), { code: 'NOT_FOUND', message: /no such tag/ });
      assert.deepEqual((await store.prune()).removed, []);
    });
  });

  test('keeps what is asked to be kept, and entries without a name', async () => {
    await withStore(async (store, directory) => {
      const [cached, entry] = [await pushImage(store), await pushImage(store)];
      await writeFile(
        join(directory, 'index.json'),
        JSON.stringify({ schemaVersion: 2, manifests: [entry.manifest] }),
      );
      const { removed } = await store.prune({ keep: [cached.layer.digest] });
      assert.equal(removed.length, 2);
      assert.equal(await has(store, [cached.layer, ...all(entry)]), true);
    });
  });

  test('a manifest that cannot be read ends it before anything is removed', async () => {
    await withStore(async (store) => {
      const [named, unnamed] = [await pushImage(store), await pushImage(store)];
      await store.tag(named.manifest, 'a');
      const path = store.blobPath(named.manifest.digest);
      await rm(path);
      await writeFile(path, 'torn');
      await assert.rejects(store.prune(), { code: 'CONTENT_INVALID' });
      assert.equal(await has(store, all(unnamed)), true);
    });
  });

  test('whoever finds something while it runs waits for its end and gets the truth', async () => {
    await withStore(async (store, directory) => {
      const image = await pushImage(store);
      const other = await LayoutStore.open(directory);
      const finding = other.lease().then(async () => {
        // This process's lease is younger than the image: only touching it keeps it.
        const there = await other.exists(image.manifest);
        return { there, whole: there && (await has(other, [image.config, image.layer])) };
      });
      const [{ there, whole }, { removed }] = await Promise.all([finding, store.prune()]);
      assert.equal(there, whole);
      assert.equal(removed.length, there ? 0 : 3);
    });
  });
});
