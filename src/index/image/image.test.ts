import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryStore } from '../../content/memory-store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { ContainerConfig, History } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { type ImageDocuments, pushImage, readImage, renderImage } from './image-documents.ts';
import { mutateImage } from './mutate-image.ts';
import { rebaseImage } from './rebase-image.ts';

/** Layers by letters: `ab` has two. Each has a line of history, and an empty one behind it. */
function image(
  letters: string,
  config: ContainerConfig = {},
  family: 'oci' | 'docker' = 'oci',
): ImageDocuments {
  const layers = [...letters];
  const history = layers.flatMap((letter): History[] => [
    { created: '2026-01-02T00:00:00Z', created_by: letter },
    { created: '2026-01-02T00:00:00Z', created_by: `ENV ${letter}`, empty_layer: true },
  ]);
  const docker = family === 'docker';
  return {
    manifest: {
      schemaVersion: 2,
      mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
      config: {
        mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
        digest: digestOf(''),
        size: 0,
      },
      layers: layers.map((letter) => ({
        mediaType: docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip,
        digest: digestOf(`compressed ${letter}`),
        size: 10,
      })),
    },
    config: {
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((letter) => digestOf(letter)) },
      history,
    },
  };
}

const linesOf = ({ config }: ImageDocuments) => config.history?.map((line) => line.created_by);
const layersOf = (of: ImageDocuments) => of.config.rootfs.diff_ids;

describe('mutate', () => {
  test('changes what is named, keeps the rest, and never a layer', () => {
    const before = image('ab', {
      Env: ['PATH=/bin', 'A=1', 'B=2'],
      Labels: { x: '1', y: '2' },
      Entrypoint: ['/e'],
      Cmd: ['c'],
      User: 'root',
      ExposedPorts: { '80/tcp': {} },
    });
    const after = mutateImage(before, {
      env: { A: '9', C: 'new=1' },
      removeEnv: ['B'],
      labels: { z: '3' },
      removeLabels: ['x'],
      user: '1000:1000',
      exposedPorts: ['53/udp', '8080'],
      volumes: ['/data'],
    });
    assert.deepEqual(after.config.config, {
      Env: ['PATH=/bin', 'A=9', 'C=new=1'],
      Labels: { y: '2', z: '3' },
      Entrypoint: ['/e'],
      Cmd: ['c'],
      User: '1000:1000',
      ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8080/tcp': {} },
      Volumes: { '/data': {} },
    });
    assert.deepEqual(after.manifest, before.manifest);
    assert.equal(after.config.variant, 'v8');
  });

  test('an entrypoint takes the old command with it', () => {
    const before = image('a', { Entrypoint: ['/e'], Cmd: ['c'] });
    assert.deepEqual(mutateImage(before, { entrypoint: ['/f'] }).config.config, { Entrypoint: ['/f'] });
    assert.deepEqual(mutateImage(before, { entrypoint: [], cmd: ['d'] }).config.config, { Cmd: ['d'] });
  });

  test('a time holds for the image, and no line of its history is later', () => {
    const before = image('a');
    const earlier = mutateImage(before, { created: '2025-01-01T00:00:00Z' }).config;
    assert.equal(earlier.created, '2025-01-01T00:00:00Z');
    assert.equal(earlier.history?.[0]?.created, '2025-01-01T00:00:00Z');
    const later = mutateImage(before, { created: '2027-01-01T00:00:00Z' }).config;
    assert.equal(later.history?.[0]?.created, '2026-01-02T00:00:00Z');
    assert.throws(() => mutateImage(before, { created: 'yesterday' }), { code: 'USAGE' });
  });

  test('another system does not keep the version of the old one', () => {
    const before = image('a');
    const config = {
      ...before.config,
      os: 'windows',
      'os.version': '10.0.17763.1',
      'os.features': ['win32k'],
    };
    const windows = { ...before, config };
    const onLinux = mutateImage(windows, { platform: { os: 'linux', architecture: 'arm64' } }).config;
    assert.deepEqual(
      [onLinux.os, onLinux['os.version'], onLinux['os.features']],
      ['linux', undefined, undefined],
    );
    const onArm = mutateImage(windows, { platform: { os: 'windows', architecture: 'arm64' } }).config;
    assert.equal(onArm['os.version'], '10.0.17763.1');
  });

  test('annotations are the manifest’s, and Docker has none', () => {
    const annotated = mutateImage(image('a'), { annotations: { k: 'v' } });
    assert.deepEqual(annotated.manifest.annotations, { k: 'v' });
    const removed = mutateImage(annotated, { removeAnnotations: ['k'] });
    assert.equal(removed.manifest.annotations, undefined);
    assert.throws(() => mutateImage(image('a', {}, 'docker'), { annotations: { k: 'v' } }), {
      code: 'USAGE',
    });
  });

  test('the manifest names the config that was written', async () => {
    const store = new MemoryStore();
    const changed = mutateImage(image('a'), { user: 'nobody' });
    const descriptor = await pushImage(store, changed);
    assert.deepEqual(descriptor, renderImage(changed).manifest.descriptor);
    assert.equal((await readImage(store, descriptor)).config.config?.User, 'nobody');
  });
});

describe('rebase', () => {
  const options = { name: 'app:1' };

  test('swaps the layers and the history beneath the image', () => {
    const after = rebaseImage(image('abXY'), image('ab'), image('cde'), options);
    assert.deepEqual(
      layersOf(after),
      [...'cdeXY'].map((letter) => digestOf(letter)),
    );
    assert.deepEqual(linesOf(after), [
      ...['c', 'ENV c', 'd', 'ENV d', 'e', 'ENV e'],
      ...['X', 'ENV X', 'Y', 'ENV Y'],
    ]);
    assert.equal(after.manifest.layers.length, 5);
  });

  test('the image over the same base is itself', () => {
    const before = image('abX', { Env: ['A=1'] });
    assert.deepEqual(rebaseImage(before, image('ab'), image('ab'), options), before);
  });

  test('refuses a base that does not lie beneath', () => {
    const refused = (base: string) => () => rebaseImage(image('abX'), image(base), image('c'), options);
    assert.throws(refused('b'), { code: 'USAGE', message: /layer 1 is another one/ });
    assert.throws(refused('aX'), { message: /layer 2 is another one/ });
    assert.throws(refused('abXY'), { message: /3 layers, the old base 4/ });
  });

  test('refuses a base for another platform', () => {
    const other = image('c');
    const amd64 = { ...other, config: { ...other.config, architecture: 'amd64', variant: 'v2' } };
    assert.throws(() => rebaseImage(image('aX'), image('a'), amd64, options), {
      message: /the new base is for linux\/amd64\/v2, the image for linux\/arm64\/v8/,
    });
  });

  test('keeps the lines above the base when the old base’s history does not fit', () => {
    const base = image('a');
    const bare = { ...base, config: { ...base.config, history: [] } };
    assert.deepEqual(linesOf(rebaseImage(image('aX'), bare, image('c'), options)), [
      'c',
      'ENV c',
      'ENV a',
      'X',
      'ENV X',
    ]);
  });

  test('takes from the new base what it had from the old one', () => {
    const old = image('a', {
      Env: ['PATH=/old', 'V=1', 'GONE=1'],
      Labels: { b: '1', own: '1' },
      Cmd: ['sh'],
    });
    const next = image('c', {
      Env: ['PATH=/new', 'V=2', 'MORE=1'],
      Labels: { b: '2', own: '2' },
      Cmd: ['bash'],
    });
    const own = image('aX', {
      Env: ['PATH=/old', 'V=9', 'GONE=1', 'OWN=1'],
      Labels: { b: '1', own: 'mine' },
      Cmd: ['sh'],
    });
    assert.deepEqual(rebaseImage(own, old, next, options).config.config, {
      Env: ['PATH=/new', 'V=9', 'MORE=1', 'OWN=1'],
      Labels: { b: '2', own: 'mine' },
      Cmd: ['bash'],
    });
    const kept = rebaseImage(own, old, next, { ...options, inherit: false });
    assert.deepEqual(kept.config.config, own.config.config);
  });

  test('a base of the other family gets this one’s names', () => {
    const after = rebaseImage(image('aX', {}, 'docker'), image('a'), image('c'), options);
    assert.deepEqual(
      after.manifest.layers.map((layer) => layer.mediaType),
      [mediaTypes.dockerLayerGzip, mediaTypes.dockerLayerGzip],
    );
  });
});
