import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { contentFromBytes } from '../content.ts';
import { collect } from '../read-manifest.ts';
import { sampleImage, storeSuite } from '../store.suite.ts';
import { LayoutStore } from './layout-store.ts';

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-layout-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

storeSuite('the OCI layout', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-layout-'));
  return {
    store: await LayoutStore.open(directory),
    close: async () => await rm(directory, { recursive: true, force: true }),
  };
});

describe('the OCI layout on disk', () => {
  test('of somebody else: a marker, an index, a blob or a lock that is a device or a FIFO is not opened', () =>
    inDirectory(async (directory) => {
      const special = { code: 'STORE', message: /it is a (FIFO|device), not a file/ };
      const pipe = join(directory, 'pipe');
      execFileSync('mkfifo', [pipe]);
      const marker = join(directory, 'oci-layout');
      for (const target of ['/dev/zero', pipe]) {
        await symlink(target, marker);
        await assert.rejects(LayoutStore.open(directory, { create: false }), special);
        await rm(marker);
      }
      const { manifest, descriptors } = sampleImage();
      const store = await LayoutStore.open(directory);
      await store.push(descriptors.manifest, contentFromBytes(manifest));
      await rm(store.blobPath(descriptors.manifest.digest));
      await symlink(pipe, store.blobPath(descriptors.manifest.digest));
      await assert.rejects(store.fetch(descriptors.manifest), special);
      await assert.rejects(store.fetchRange(descriptors.manifest, 0, 1), special);
      const lock = join(directory, 'index.json.lock');
      await symlink(pipe, lock);
      await assert.rejects(store.untag('a'), special);
      await rm(lock);
      await rm(join(directory, 'index.json'));
      await symlink(pipe, join(directory, 'index.json'));
      await assert.rejects(store.resolve('a'), special);
    }));

  test('is a layout that others can read, blobs read-only', () =>
    inDirectory(async (directory) => {
      const store = await LayoutStore.open(directory);
      const { manifest, descriptors } = sampleImage();
      await store.push(descriptors.manifest, contentFromBytes(manifest));
      await store.tag(descriptors.manifest, 'localhost:5000/hello:1');
      assert.deepEqual(JSON.parse(await readFile(join(directory, 'oci-layout'), 'utf8')), {
        imageLayoutVersion: '1.0.0',
      });
      assert.deepEqual(JSON.parse(await readFile(join(directory, 'index.json'), 'utf8')), {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [
          {
            ...descriptors.manifest,
            annotations: { 'org.opencontainers.image.ref.name': 'localhost:5000/hello:1' },
          },
        ],
      });
      assert.equal((await stat(store.blobPath(descriptors.manifest.digest))).mode & 0o777, 0o444);
      assert.deepEqual(await readdir(join(directory, 'ingest')), []);
      assert.deepEqual((await readdir(directory)).sort(), ['blobs', 'index.json', 'ingest', 'oci-layout']);
    }));

  test('says so where there is no layout, or one of another version', () =>
    inDirectory(async (directory) => {
      await assert.rejects(LayoutStore.open(directory, { create: false }), { code: 'NOT_FOUND' });
      await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
      await assert.rejects(LayoutStore.open(directory), { code: 'UNSUPPORTED' });
    }));

  test('notices a blob that was changed on disk', () =>
    inDirectory(async (directory) => {
      const store = await LayoutStore.open(directory);
      const { layer, descriptors } = sampleImage();
      await store.push(descriptors.layer, contentFromBytes(layer));
      const path = store.blobPath(descriptors.layer.digest);
      await rm(path);
      await writeFile(path, Buffer.alloc(layer.length));
      await assert.rejects(async () => await collect(await store.fetch(descriptors.layer)), {
        code: 'CONTENT_INVALID',
      });
    }));

  test('takes a file over by its name, and refuses one that is wrong', () =>
    inDirectory(async (directory) => {
      const store = await LayoutStore.open(directory);
      const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('made elsewhere'), size: 14 };
      const path = join(directory, 'packed');
      await writeFile(path, 'made elsewhere');
      const { ino } = await stat(path);
      await store.adopt(path, descriptor);
      assert.equal((await stat(store.blobPath(descriptor.digest))).ino, ino);
      await writeFile(path, 'made elsewherE');
      await assert.rejects(store.adopt(path, { ...descriptor, digest: digestOf('x') }), {
        code: 'CONTENT_INVALID',
      });
      await symlink(path, join(directory, 'link'));
      await assert.rejects(store.adopt(join(directory, 'link'), descriptor), { code: 'STORE' });
      await assert.rejects(store.adopt(path, { ...descriptor, size: 1 }, { verified: true }), {
        code: 'CONTENT_INVALID',
      });
    }));
});
