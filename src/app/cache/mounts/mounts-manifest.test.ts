import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { type CarriedMount, mountsManifest, mountsOf } from './mounts-manifest.ts';

const config = { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 };
const mount = (key: string): CarriedMount => ({
  ...{ key, id: '/root/.cache', platform: 'linux/arm64' },
  layer: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(key), size: 7 },
  diffId: digestOf(`tar ${key}`),
  root: { uid: 1000, gid: 0, mode: 0o1750 },
});
const [one, other] = [mount('a'.repeat(32)), mount('b'.repeat(32))];

test('cache mounts are read back as they were written, in one order', () => {
  const manifest = mountsManifest([other, one], config);
  assert.deepEqual(mountsOf(JSON.parse(JSON.stringify(manifest)), 'r'), [one, other]);
  assert.deepEqual(manifest, mountsManifest([one, other], config));
});

test('what could lead elsewhere, or is no artifact of ours, is refused', () => {
  const manifest = mountsManifest([one], config);
  const { artifactType: _, ...plain } = manifest;
  assert.throws(() => mountsOf(plain, 'r'), { code: 'CONTENT_INVALID' });
  const [layer] = manifest.layers;
  for (const [name, value] of [
    ['key', '../../../etc'],
    ['diff-id', 'sha256:no'],
    ['root', '0:0:99999'],
    ['root', '-1:0:755'],
    ['id', 'x'.repeat(5000)],
  ]) {
    const annotations = { ...layer?.annotations, [`org.polyarch.cache-mount.${name}`]: value as string };
    const changed = { ...manifest, layers: [{ ...one.layer, annotations }] };
    assert.throws(() => mountsOf(changed, 'r'), { code: 'CONTENT_INVALID' }, name);
  }
  const many = Array.from({ length: 1001 }, () => manifest.layers[0] ?? one.layer);
  assert.throws(() => mountsOf({ ...manifest, layers: many }, 'r'), { code: 'LIMIT' });
});
