import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { EntryHeader } from '../../archive/entry.ts';
import { encodeHeader, paddingOf } from '../../archive/tar-header.ts';
import { contentFromBytes } from '../../content/content.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import type { ContainerConfig } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { diffRoots } from './diff-images.ts';
import { filesOf } from './inspect-files.ts';
import { atPlatform, type Root } from './open-root.ts';

type Entry = Partial<EntryHeader> & { path: string; content?: string };

function tar(entries: readonly Entry[]): Buffer {
  const pieces = entries.flatMap(({ content = '', ...entry }) => {
    const size = Buffer.byteLength(content);
    const header = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, ...entry, size } as const;
    return [encodeHeader(header), Buffer.from(content), Buffer.alloc(paddingOf(size))];
  });
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

interface Image {
  readonly architecture?: string;
  readonly config?: ContainerConfig;
  readonly layers: readonly (readonly Entry[])[];
  readonly layerType?: string;
  readonly diffIds?: readonly string[];
}

/** The root of an index of `images` as `a`, and of each image by its position. */
async function makeRoots(images: readonly Image[]): Promise<(name: string) => Root> {
  const store = new MemoryStore();
  const put = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const json = (mediaType: string, value: object) => put(mediaType, Buffer.from(JSON.stringify(value)));
  const manifests: Descriptor[] = [];
  for (const image of images) {
    const tars = image.layers.map(tar);
    const type = image.layerType ?? mediaTypes.ociLayerGzip;
    const layers = await Promise.all(tars.map((bytes) => put(type, gzipSync(bytes))));
    const platform = { os: 'linux', architecture: image.architecture ?? 'amd64' };
    const rootfs = { type: 'layers', diff_ids: image.diffIds ?? tars.map((bytes) => digestOf(bytes)) };
    const config = await json(mediaTypes.ociConfig, { ...platform, config: image.config, rootfs });
    const manifest = await json(mediaTypes.ociManifest, { schemaVersion: 2, config, layers });
    manifests.push({ ...manifest, platform });
  }
  const index = await json(mediaTypes.ociIndex, { schemaVersion: 2, manifests });
  const location = parseLocation('x');
  return (name) => {
    const descriptor = name === 'a' ? index : manifests[Number(name)];
    assert.ok(descriptor);
    return { store, location, reference: name, descriptor };
  };
}

async function listed(layers: Image['layers'], path?: string): Promise<string[]> {
  const root = await makeRoots([{ layers }]);
  const { files } = await filesOf(root('0'), { path });
  return [...files].map(({ path: name, type, size, layer }) => `${layer} ${type} ${name} ${size}`);
}

describe('the files of an image', () => {
  const base: Entry[] = [
    { path: 'etc', type: 'directory', mode: 0o755 },
    { path: 'etc/a', content: 'aaa' },
    { path: 'etc/gone', content: 'x' },
    { path: 'old/x', content: 'x' },
    { path: 'lib', type: 'symlink', linkname: 'usr/lib' },
    { path: 'usr/lib/z', content: 'z' },
  ];

  test('are those of all layers: whiteouts applied, each with the layer that it is from', async () => {
    const upper = [
      { path: 'etc/.wh.gone' },
      { path: 'old/.wh..wh..opq' },
      { path: 'old/y', content: 'yy' },
      { path: 'etc/h', type: 'hardlink', linkname: 'etc/a' },
    ] as const;
    const top = [{ path: 'etc/a', content: 'longer' }];
    assert.deepEqual(await listed([base, upper, top]), [
      '0 directory / 0',
      '1 directory /etc 0',
      '3 file /etc/a 6',
      '2 hardlink /etc/h 3',
      '1 symlink /lib 0',
      '0 directory /old 0',
      '2 file /old/y 2',
      '0 directory /usr 0',
      '0 directory /usr/lib 0',
      '1 file /usr/lib/z 1',
    ]);
  });

  test('can be asked for below a path, through links that never leave the image', async () => {
    assert.deepEqual(await listed([base], '/lib/'), ['0 directory /usr/lib 0', '1 file /usr/lib/z 1']);
    assert.deepEqual(await listed([base], '/../../etc/a'), ['1 file /etc/a 3']);
    await assert.rejects(listed([base], '/nothing'), { code: 'NOT_FOUND' });
    const loop = [{ path: 'l', type: 'symlink', linkname: '/l' }] as const;
    await assert.rejects(listed([loop], '/l'), { code: 'NOT_FOUND' });
  });

  test('hostile layers are refused, and their names do nothing to a terminal', async () => {
    await assert.rejects(listed([[{ path: '../../etc/cron.d/x' }]]), { code: 'ARCHIVE' });
    await assert.rejects(listed([[{ path: './', type: 'symlink', linkname: '/' }]]), { code: 'ARCHIVE' });
    assert.deepEqual(await listed([[{ path: 'a\u001b[2Jb' }]]), ['0 directory / 0', '1 file /a\\x1b[2Jb 0']);
    const lying = { layers: [base], diffIds: [digestOf('other')] };
    const lied = await makeRoots([lying]);
    await assert.rejects(filesOf(lied('0')), { code: 'CONTENT_INVALID' });
    const statement = await makeRoots([{ layers: [base], layerType: 'application/vnd.in-toto+json' }]);
    await assert.rejects(filesOf(statement('0')), { code: 'UNSUPPORTED' });
  });
});

describe('two images', () => {
  const base: Entry[] = [
    { path: 'same', content: 'same' },
    { path: 'text', content: 'one' },
    { path: 'd/x', content: 'x' },
    { path: 'tool', content: 't', mode: 0o755 },
    { path: 'link', type: 'symlink', linkname: 'same' },
  ];
  const images: Image[] = [
    { config: { Env: ['A=1', 'PATH=/bin'], Cmd: ['sh'], Labels: { l: 'x' } }, layers: [base] },
    {
      config: { Env: ['PATH=/bin', 'B=2'], Cmd: ['sh', '-l'], Labels: { l: 'y' }, User: 'me' },
      layers: [
        base,
        [
          { path: 'text', content: 'two' },
          { path: 'same', content: 'same' },
          { path: '.wh.d' },
          { path: 'n', type: 'directory' },
          { path: 'n/f', content: 'f' },
          { path: 'tool', content: 't', mode: 0o700, uid: 5 },
          { path: 'link', type: 'symlink', linkname: 'text' },
        ],
      ],
    },
  ];

  test('differ in config, layers and files, by content and not by time', async () => {
    const root = await makeRoots(images);
    const diff = await diffRoots(root('0'), root('1'));
    assert.deepEqual(diff.config, [
      { field: 'Cmd', before: ['sh'], after: ['sh', '-l'] },
      { field: 'User', after: 'me' },
      { field: 'Env A', before: '1' },
      { field: 'Env B', after: '2' },
      { field: 'Labels l', before: 'x', after: 'y' },
    ]);
    assert.equal(diff.layers.shared, 1);
    assert.deepEqual(
      diff.layers.changes.map(({ change }) => change),
      ['added'],
    );
    assert.deepEqual(diff.files, [
      { change: 'removed', path: '/d/' },
      { change: 'changed', path: '/link', aspects: ['link'] },
      { change: 'changed', path: '/text', aspects: ['content'], sizeBefore: 3, sizeAfter: 3 },
      { change: 'changed', path: '/tool', aspects: ['mode', 'owner'], sizeBefore: 1, sizeAfter: 1 },
      { change: 'added', path: '/n/' },
    ]);
  });

  test('may be two platforms of one, and equal in all else', async () => {
    const [image] = images;
    assert.ok(image);
    const root = await makeRoots([image, { ...image, architecture: 'arm64' }]);
    const at = (platform: string) => atPlatform(root('a'), parsePlatform(platform), {});
    const diff = await diffRoots(await at('linux/amd64'), await at('arm64'));
    assert.deepEqual([diff.before.platform, diff.after.platform], ['linux/amd64', 'linux/arm64']);
    assert.deepEqual(diff.config, [{ field: 'architecture', before: 'amd64', after: 'arm64' }]);
    assert.deepEqual(diff.files, []);
  });
});
