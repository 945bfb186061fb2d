import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bytePathOf } from '../../archive/byte-path.ts';
import type { EntryHeader } from '../../archive/entry.ts';
import { encodeHeader, paddingOf } from '../../archive/tar-header.ts';
import { digestOf } from '../../lib/digest.ts';
import { contentFromBytes, contentFromStream } from '../content.ts';
import { collect, readManifest } from '../read-manifest.ts';
import { readSuite, sampleImage, storeSuite } from '../store.suite.ts';
import type { Store } from '../store.ts';
import type { ArchiveStore } from './archive-store.ts';
import { ArchiveWriter } from './archive-writer.ts';
import { dockerLoadShape } from './docker-load.ts';
import { openDockerArchive, openOciArchive } from './open-archive.ts';
import { TarFile } from './tar-file.ts';

const inDirectory = async (work: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-archives-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

storeSuite('an OCI archive in the making', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-archives-'));
  const store = await ArchiveWriter.create(join(directory, 'a.tar'));
  const close = async (): Promise<void> => {
    await store.discard();
    assert.deepEqual(await readdir(directory), []);
    await rm(directory, { recursive: true });
  };
  return { store, close };
});

async function written(fill: (store: Store) => Promise<void>) {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-archives-'));
  const path = join(directory, 'a.tar');
  const writer = await ArchiveWriter.create(path);
  await fill(writer);
  await writer.commit();
  return { path, remove: () => rm(directory, { recursive: true }) };
}

const opened = (store: ArchiveStore, remove: () => Promise<void>) => ({
  store,
  close: async () => {
    await store.close();
    await remove();
  },
});

readSuite('an OCI archive', async (fill) => {
  const { path, remove } = await written(fill);
  return opened(await openOciArchive(path), remove);
});

readSuite('an OCI archive that comes compressed, as a stream', async (fill) => {
  const { path, remove } = await written(fill);
  const { readFile } = await import('node:fs/promises');
  const zipped = `${path}.gz`;
  await writeFile(zipped, gzipSync(await readFile(path)));
  return opened(await openOciArchive(zipped), remove);
});

type Part = Partial<EntryHeader> & { path: string; content?: Buffer | string };

function tarOf(parts: readonly Part[]): Buffer {
  const blocks = parts.flatMap(({ content = '', path, ...entry }) => {
    const bytes = Buffer.from(content);
    const head = {
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0,
      size: bytes.length,
      ...entry,
    } as const;
    return [encodeHeader({ ...head, path: bytePathOf(path) }), bytes, Buffer.alloc(paddingOf(bytes.length))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** As Docker wrote them before 25: a directory for each layer, links for one that is there twice. */
function oldDockerArchive(): { tar: Buffer; layer: Buffer; zipped: Buffer; config: Buffer } {
  const { layer } = sampleImage('old');
  const zipped = gzipSync(sampleImage('zipped').layer);
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      rootfs: { type: 'layers', diff_ids: [digestOf(layer), digestOf(layer), digestOf('anything')] },
    }),
  );
  const manifest = [
    {
      Config: 'c.json',
      RepoTags: ['a:1', 'r.example/b:2'],
      Layers: ['one/layer.tar', 'two/layer.tar', 'z.tar.gz'],
    },
  ];
  const tar = tarOf([
    { path: 'one/layer.tar', content: layer },
    { path: 'two/layer.tar', type: 'symlink', linkname: bytePathOf('../one/layer.tar') },
    { path: 'z.tar.gz', content: zipped },
    { path: './c.json', content: config },
    { path: 'manifest.json', content: JSON.stringify(manifest) },
  ]);
  return { tar, layer, zipped, config };
}

describe('docker save archives', () => {
  test('the old shape: manifests are made, digests of layers are their diff ids', () =>
    inDirectory(async (directory) => {
      const { tar, layer, zipped, config } = oldDockerArchive();
      const path = join(directory, 'a.tar');
      await writeFile(path, tar);
      const store = await openDockerArchive(path);
      const root = await store.resolve('docker.io/library/a:1');
      assert.deepEqual(root, await store.resolve('r.example/b:2'));
      assert.deepEqual(root.platform, { os: 'linux', architecture: 'arm64', variant: 'v8' });
      const manifest = await readManifest(store, root);
      assert.equal(manifest.config.digest, digestOf(config));
      assert.deepEqual(
        manifest.layers.map(({ digest }) => digest),
        [digestOf(layer), digestOf(layer), digestOf(zipped)],
      );
      for (const each of [manifest.config, ...manifest.layers]) await collect(await store.fetch(each));
      await store.close();
    }));

  test('a layer that is named many times is read once for its digest', (t) =>
    inDirectory(async (directory) => {
      const layer = gzipSync('layer');
      const times = 50;
      const diffIds = Array.from({ length: times }, () => digestOf('layer'));
      const config = { os: 'linux', architecture: 'arm64', rootfs: { type: 'layers', diff_ids: diffIds } };
      const image = { Config: 'c.json', RepoTags: [], Layers: diffIds.map(() => 'l.tar.gz') };
      const path = join(directory, 'a.tar');
      await writeFile(
        path,
        tarOf([
          { path: 'l.tar.gz', content: layer },
          { path: 'c.json', content: JSON.stringify(config) },
          { path: 'manifest.json', content: JSON.stringify([image, image]) },
        ]),
      );
      const reads = t.mock.method(TarFile.prototype, 'stream');
      await (await openDockerArchive(path)).close();
      assert.ok(reads.mock.callCount() < times);
    }));

  test('what lies or lacks a part is refused', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'a.tar');
      const { config } = oldDockerArchive();
      const image = { Config: 'c.json', RepoTags: null, Layers: ['l', 'l', 'l'] };
      const cases: [Part[], string][] = [
        [[{ path: 'x' }], 'CONTENT_INVALID'],
        [[{ path: 'repositories', content: '{}' }], 'CONTENT_INVALID'],
        [[{ path: 'manifest.json', content: '[{"Config":1}]' }], 'CONTENT_INVALID'],
        [[{ path: 'manifest.json', content: JSON.stringify([image]) }], 'NOT_FOUND'],
        [
          [
            { path: 'manifest.json', content: JSON.stringify([image]) },
            { path: 'c.json', content: config },
            // A link that leads out of the archive leads nowhere; one to itself ends.
            { path: 'l', type: 'symlink', linkname: bytePathOf('../../etc/passwd') },
          ],
          'CONTENT_INVALID',
        ],
        [
          [
            { path: 'manifest.json', content: JSON.stringify([image]) },
            { path: 'c.json', content: config },
            { path: 'l', type: 'symlink', linkname: bytePathOf('l') },
          ],
          'CONTENT_INVALID',
        ],
      ];
      for (const [parts, code] of cases) {
        await writeFile(path, tarOf(parts));
        await assert.rejects(
          openDockerArchive(path),
          { code },
          JSON.stringify(parts.map((part) => part.path)),
        );
      }
      await writeFile(path, tarOf([{ path: 'manifest.json', content: 'x'.repeat(2000) }]).subarray(0, 1024));
      await assert.rejects(openDockerArchive(path), { code: 'ARCHIVE' });
      await writeFile(path, 'no tar at all'.repeat(100));
      await assert.rejects(openDockerArchive(path), { code: 'ARCHIVE' });
      await assert.rejects(openDockerArchive(join(directory, 'none')), { code: 'NOT_FOUND' });
      await assert.rejects(openDockerArchive(directory), { code: 'USAGE' });
      await writeFile(path, oldDockerArchive().tar);
      await assert.rejects(openOciArchive(path), { code: 'CONTENT_INVALID', hint: /docker-archive:/ });
    }));

  test('a layer that is not what the config says is noticed when it is read', () =>
    inDirectory(async (directory) => {
      const { tar, layer } = oldDockerArchive();
      const path = join(directory, 'a.tar');
      const at = tar.indexOf(layer);
      tar[at + 5] = 0x21;
      await writeFile(path, tar);
      const store = await openDockerArchive(path);
      const { layers } = await readManifest(store, await store.resolve('docker.io/library/a:1'));
      const [first] = layers;
      assert.ok(first);
      await assert.rejects(async () => await collect(await store.fetch(first)), { code: 'CONTENT_INVALID' });
      await store.close();
    }));

  test('what is written for docker load has both descriptions, and reads back under its name', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'a.tar');
      const image = sampleImage();
      const writer = await ArchiveWriter.create(
        path,
        dockerLoadShape({ os: 'linux', architecture: 'amd64' }),
      );
      for (const part of ['config', 'layer', 'manifest'] as const) {
        await writer.push(image.descriptors[part], contentFromBytes(image[part]));
      }
      await writer.tag(image.descriptors.manifest, 'docker.io/library/a:1');
      await writer.commit();
      assert.deepEqual(await readdir(directory), ['a.tar']);
      const file = await TarFile.open(path);
      const [saved] = JSON.parse(String(await file.read('manifest.json', 10_000)));
      assert.deepEqual(saved.RepoTags, ['a:1']);
      assert.ok(image.config.equals(await file.read(saved.Config, 10_000)));
      assert.ok(file.find(saved.Layers[0]));
      await file.close();
      const store = await openDockerArchive(path);
      assert.equal((await store.resolve('docker.io/library/a:1')).digest, image.descriptors.manifest.digest);
      await store.close();
    }));
});

describe('an archive in the making', () => {
  test('takes the target’s place at its end only, and not when a content is missing', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'a.tar');
      await writeFile(path, 'before');
      const { descriptors, layer } = sampleImage();
      const writer = await ArchiveWriter.create(path);
      const short = contentFromStream(Readable.from([layer.subarray(1)]));
      await assert.rejects(writer.push(descriptors.layer, short), { code: 'CONTENT_INVALID' });
      await assert.rejects(writer.commit(), { code: 'STORE' });
      await writer.discard();
      const { readFile } = await import('node:fs/promises');
      assert.equal(await readFile(path, 'utf8'), 'before');
      assert.deepEqual(await readdir(directory), ['a.tar']);
    }));

  test('leaves nothing where its target cannot be replaced', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'a.tar');
      const writer = await ArchiveWriter.create(path);
      await mkdir(path);
      await assert.rejects(writer.commit(), { code: 'STORE' });
      await writer.discard();
      assert.deepEqual(await readdir(directory), ['a.tar']);
    }));

  test('does not take the place of what is no file, and a FIFO is not waited for', () =>
    inDirectory(async (directory) => {
      const pipe = join(directory, 'pipe');
      execFileSync('mkfifo', [pipe]);
      await assert.rejects(ArchiveWriter.create(pipe), { code: 'USAGE', message: /no file$/ });
      await assert.rejects(TarFile.open(pipe), { code: 'STORE', message: /it is a FIFO/ });
      assert.deepEqual(await readdir(directory), ['pipe']);
    }));

  test('goes to a stream whole', () =>
    inDirectory(async (directory) => {
      const image = sampleImage();
      const writer = await ArchiveWriter.create('-');
      await writer.push(image.descriptors.config, contentFromBytes(image.config));
      await writer.push(image.descriptors.layer, contentFromBytes(image.layer));
      await writer.push(image.descriptors.manifest, contentFromBytes(image.manifest));
      await writer.list(image.descriptors.manifest);
      let archive: Uint8Array = new Uint8Array();
      await writer.commit({
        send: async (stream, size) => {
          archive = await collect(stream);
          assert.equal(archive.length, size);
        },
      });
      await mkdir(join(directory, 'b'));
      await writeFile(join(directory, 'b', 'a.tar'), archive);
      const store = await openOciArchive(join(directory, 'b', 'a.tar'));
      assert.equal((await store.entries()).length, 1);
      await store.close();
    }));
});
