import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryStore } from '../../content/memory-store.ts';
import { readImageConfig, readIndex, readManifest } from '../../content/read-manifest.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parsePlatform } from '../../oci/platform.ts';
import { Graph } from '../graph/graph.ts';
import type { ImagePlan } from '../graph/image-plan.ts';
import { exportImage, exportRoot, type ImageRecord } from './image.ts';

const node = new Graph().add({ kind: 'base', layers: [] }, []);
const layer = (name: string, mediaType: string = mediaTypes.ociLayerGzip): Layer => ({
  descriptor: { mediaType, digest: digestOf(name), size: 10 },
  diffId: digestOf(`${name}.tar`),
});
const plan = (platform = 'linux/arm/v7'): ImagePlan => ({
  platform: parsePlatform(platform),
  target: parsePlatform(platform),
  node,
  config: { Env: ['A=b'] },
  baseHistory: [{ created: '2020-01-01T00:00:00Z', created_by: 'base' }],
  history: [{ createdBy: 'ENV A=b' }, { createdBy: 'COPY . .', node }],
});
const image = { layers: [layer('base', mediaTypes.dockerLayerGzip), layer('own')], created: [1_600_000_000] };

async function exported(options: { epoch?: number; now?: number; records?: Map<string, ImageRecord> } = {}) {
  const store = new MemoryStore();
  const records = options.records ?? new Map<string, ImageRecord>();
  const descriptor = await exportImage(store, plan(), image, {
    epoch: options.epoch,
    now: options.now ?? 1_700_000_000,
    records: {
      get: async (key) => records.get(key),
      set: async (key, record) => void records.set(key, record),
    },
  });
  const manifest = await readManifest(store, descriptor);
  return { descriptor, manifest, config: await readImageConfig(store, manifest.config), store };
}

describe('exportImage', () => {
  test('history tells each layer its own time and leaves the base alone', async () => {
    const { config, descriptor } = await exported();
    assert.deepEqual(config.history, [
      { created: '2020-01-01T00:00:00Z', created_by: 'base' },
      { created: '2023-11-14T22:13:20Z', created_by: 'ENV A=b', empty_layer: true },
      { created: '2020-09-13T12:26:40Z', created_by: 'COPY . .' },
    ]);
    assert.equal(config.created, '2023-11-14T22:13:20Z');
    assert.equal(`${config.os}/${config.architecture}/${config.variant}`, 'linux/arm/v7');
    assert.deepEqual(descriptor.platform, parsePlatform('linux/arm/v7'));
  });

  test('SOURCE_DATE_EPOCH clamps what is new', async () => {
    const { config } = await exported({ epoch: 1_500_000_000 });
    assert.deepEqual(
      config.history?.map((entry) => entry.created),
      ['2020-01-01T00:00:00Z', '2017-07-14T02:40:00Z', '2017-07-14T02:40:00Z'],
    );
  });

  test('equal content later is the same image', async () => {
    const records = new Map<string, ImageRecord>();
    const first = await exported({ records });
    const second = await exported({ records, now: 1_800_000_000 });
    assert.equal(first.descriptor.digest, second.descriptor.digest);
  });

  test("Docker's layer types become OCI's: a manifest does not mix the families", async () => {
    const { manifest } = await exported();
    assert.deepEqual(
      manifest.layers.map((entry) => entry.mediaType),
      [mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip],
    );
  });

  test('one platform is a manifest, several an index in their order', async () => {
    const { store, descriptor } = await exported();
    assert.deepEqual(await exportRoot(store, [descriptor], { index: false }), descriptor);
    const other = { ...descriptor, platform: parsePlatform('linux/amd64') };
    const index = await readIndex(store, await exportRoot(store, [descriptor, other], { index: true }));
    assert.deepEqual(
      index.manifests.map((entry) => entry.platform?.architecture),
      ['arm', 'amd64'],
    );
  });
});
