import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { collect } from '../../src/content/read-manifest.ts';
import { sampleImage, sortedTags } from '../../src/content/store.suite.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-layout-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A process of its own that runs `code` with `store`, `image`, `contentFromBytes`, `withFileLock`, `Readable` and `readdir` at hand; `ready` is its first output. */
function otherProcess(
  directory: string,
  code: string,
): { child: ChildProcess; ready: Promise<unknown>; ended: Promise<unknown> } {
  const from = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const script = `
    import { readdir } from 'node:fs/promises';
    import { Readable } from 'node:stream';
    import { contentFromBytes } from ${from('content/content.ts')};
    import { LayoutStore } from ${from('content/layout/layout-store.ts')};
    import { sampleImage } from ${from('content/store.suite.ts')};
    import { withFileLock } from ${from('lib/file-lock.ts')};
    const store = await LayoutStore.open(${JSON.stringify(directory)});
    const image = sampleImage('shared');
    ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  return { child, ready: once(child.stdout, 'data'), ended: once(child, 'exit') };
}

async function pushImage(store: LayoutStore): Promise<Descriptor[]> {
  const { config, layer, manifest, descriptors } = sampleImage();
  await store.push(descriptors.config, contentFromBytes(config));
  await store.push(descriptors.layer, contentFromBytes(layer));
  await store.push(descriptors.manifest, contentFromBytes(manifest));
  return Object.values(descriptors);
}

describe('an OCI layout that several processes use', () => {
  test('keeps every tag of two that tag and push the same content side by side', () =>
    inDirectory(async (directory) => {
      const work = (name: string) => `
      await store.push(image.descriptors.layer, contentFromBytes(image.layer));
      await store.push(image.descriptors.manifest, contentFromBytes(image.manifest));
      for (let i = 0; i < 15; i++) await store.tag(image.descriptors.manifest, '${name}' + i);`;
      const others = ['a', 'b'].map((name) => otherProcess(directory, work(name)));
      for (const other of others) assert.deepEqual(await other.ended, [0, null]);
      const store = await LayoutStore.open(directory);
      assert.equal((await sortedTags(store)).length, 30);
      await collect(await store.fetch(sampleImage('shared').descriptors.layer));
    }));

  test('survives a kill in the middle of a push, and of an edit under the lock', () =>
    inDirectory(async (directory) => {
      const { child, ready, ended } = otherProcess(
        directory,
        `
      const endless = new Readable({ read() {} });
      endless.push(image.layer.subarray(0, 50));
      store.push(image.descriptors.layer, { open: async () => endless }).catch(() => {});
      await withFileLock(${JSON.stringify(join(directory, 'index.json.lock'))}, async () => {
        while ((await readdir(${JSON.stringify(join(directory, 'ingest'))})).length === 0)
          await new Promise((resolve) => setTimeout(resolve, 5));
        console.log('holding');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`,
      );
      await ready;
      assert.equal((await readdir(join(directory, 'ingest'))).length, 1);
      child.kill('SIGKILL');
      await ended;
      const store = await LayoutStore.open(directory);
      assert.deepEqual(await readdir(join(directory, 'ingest')), []);
      const { layer, manifest, descriptors } = sampleImage('shared');
      assert.equal(await store.exists(descriptors.layer), false);
      await store.push(descriptors.layer, contentFromBytes(layer));
      await store.push(descriptors.manifest, contentFromBytes(manifest));
      await store.tag(descriptors.manifest, 'after');
      assert.deepEqual((await readdir(directory)).sort(), ['blobs', 'index.json', 'ingest', 'oci-layout']);
    }));

  test('is pruned of nothing that a living one wrote or found, with all that it reaches; a killed one holds nothing', () =>
    inDirectory(async (directory) => {
      const store = await LayoutStore.open(directory);
      const [found, idle] = [await pushImage(store), await pushImage(store)];
      const { child, ready, ended } = otherProcess(
        directory,
        `
      await store.lease();
      if (!(await store.exists(${JSON.stringify(found.at(-1))}))) throw new Error('missing');
      console.log('ready');
      await new Promise((resolve) => setTimeout(resolve, 60_000));`,
      );
      await ready;
      const written = await pushImage(store);
      const has = async (contents: readonly Descriptor[]) =>
        (await Promise.all(contents.map((content) => store.exists(content)))).every((there) => there);
      const first = await store.prune();
      assert.equal(await has([...found, ...written]), true);
      assert.deepEqual(
        new Set(first.removed.map(({ digest }) => digest)),
        new Set(idle.map(({ digest }) => digest)),
      );
      assert.equal(first.inUse.length, 6);
      child.kill('SIGKILL');
      await ended;
      assert.equal((await store.prune()).removed.length, 6);
    }));
});
