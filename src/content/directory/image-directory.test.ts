import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { contentFromBytes } from '../content.ts';
import { sampleImage, storeSuite } from '../store.suite.ts';
import { ImageDirectory } from './image-directory.ts';

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-directory-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

storeSuite('an image in a directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-directory-'));
  return {
    store: await ImageDirectory.open(directory, { create: true }),
    close: async () => await rm(directory, { recursive: true, force: true }),
  };
});

/** An index of one image, in the directory. */
async function placed(directory: string, image = sampleImage()) {
  const store = await ImageDirectory.open(directory, { create: true });
  const { config, layer, manifest } = image.descriptors;
  await store.push(config, contentFromBytes(image.config));
  await store.push(layer, contentFromBytes(image.layer));
  await store.push(manifest, contentFromBytes(image.manifest));
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [manifest] }),
  );
  const index = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
  await store.push(index, contentFromBytes(bytes));
  return { image, index, bytes, store };
}

const hex = ({ digest }: { digest: `sha256:${string}` | `sha512:${string}` }): string => hexOf(digest);

describe('an image in a directory', () => {
  test('lies as skopeo’s dir: has it, and is read back', () =>
    inDirectory(async (directory) => {
      const { image, index, bytes, store } = await placed(directory);
      await store.replace(index);
      const { config, layer, manifest } = image.descriptors;
      const names = ['manifest.json', 'version', hex(config), hex(layer), `${hex(manifest)}.manifest.json`];
      assert.deepEqual((await readdir(directory)).sort(), names.sort());
      assert.equal(
        await readFile(join(directory, 'version'), 'latin1'),
        'Directory Transport Version: 1.1\n',
      );
      assert.ok(bytes.equals(await readFile(join(directory, 'manifest.json'))));
      const again = await ImageDirectory.open(directory);
      assert.deepEqual(again.root, index);
      assert.equal((await again.resolve(manifest.digest)).mediaType, mediaTypes.ociManifest);
    }));

  test('gives way to the next image, also to one of its own manifests; other files stay', () =>
    inDirectory(async (directory) => {
      const first = await placed(directory);
      await first.store.replace(first.index);
      await writeFile(join(directory, 'notes'), 'mine');
      const { config, layer, manifest } = first.image.descriptors;
      const one = await ImageDirectory.open(directory, { create: true });
      await one.replace(manifest);
      const left = ['manifest.json', 'notes', 'version', hex(config), hex(layer)];
      assert.deepEqual((await readdir(directory)).sort(), left.sort());
      const { index, image, store } = await placed(directory);
      await store.replace(index);
      const names = await readdir(directory);
      assert.ok(names.includes(hex(image.descriptors.layer)) && !names.includes(hex(layer)));
      assert.ok(names.includes('notes'));
    }));

  test('an index over the manifest that was the image keeps that', () =>
    inDirectory(async (directory) => {
      const { image, store } = await placed(directory);
      await store.replace(image.descriptors.manifest);
      const { index, store: again } = await placed(directory, image);
      await again.replace(index);
      const opened = await ImageDirectory.open(directory);
      assert.equal(await opened.exists(image.descriptors.manifest), true);
      assert.deepEqual(opened.root, index);
    }));

  test('is refused where there is none, or something else', () =>
    inDirectory(async (directory) => {
      await assert.rejects(ImageDirectory.open(directory), { code: 'NOT_FOUND' });
      await writeFile(join(directory, 'letter'), 'x');
      await assert.rejects(ImageDirectory.open(directory, { create: true }), { code: 'USAGE' });
      await writeFile(join(directory, 'version'), 'Directory Transport Version: 2.0\n');
      await assert.rejects(ImageDirectory.open(directory), { code: 'UNSUPPORTED' });
      await rm(join(directory, 'version'));
      execFileSync('mkfifo', [join(directory, 'manifest.json')]);
      await assert.rejects(ImageDirectory.open(directory), { code: 'STORE' });
    }));
});
