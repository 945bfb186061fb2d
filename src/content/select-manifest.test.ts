import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parsePlatform } from '../oci/platform.ts';
import { contentFromBytes } from './content.ts';
import { parseDocument } from './document.ts';
import { MemoryStore } from './memory-store.ts';
import { readBytes, readImageConfig, readIndex, readManifest } from './read-manifest.ts';
import { listPlatforms, selectManifest } from './select-manifest.ts';

class Images {
  readonly store = new MemoryStore();

  async json(mediaType: string, value: unknown): Promise<Descriptor> {
    const bytes = JSON.stringify(value);
    const descriptor = { mediaType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) };
    await this.store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  }

  async image(os: string, architecture: string, variant?: string): Promise<Descriptor> {
    const rootfs = { type: 'layers', diff_ids: [] };
    const config = await this.json(mediaTypes.ociConfig, { os, architecture, variant, rootfs });
    return await this.json(mediaTypes.ociManifest, { schemaVersion: 2, config, layers: [] });
  }

  async index(...manifests: Descriptor[]): Promise<Descriptor> {
    return await this.json(mediaTypes.ociIndex, { schemaVersion: 2, manifests });
  }
}

const linux = (architecture: string, variant?: string) => ({
  os: 'linux',
  architecture,
  ...(variant === undefined ? {} : { variant }),
});

describe('selecting a manifest', () => {
  test('finds the platform in an index, by its descriptor or by its config', async () => {
    const images = new Images();
    const [amd64, arm64] = [await images.image('linux', 'amd64'), await images.image('linux', 'arm64', 'v8')];
    const index = await images.index({ ...amd64, platform: linux('amd64') }, arm64);
    const select = async (text: string) => await selectManifest(images.store, index, parsePlatform(text));
    assert.equal((await select('linux/amd64')).digest, amd64.digest);
    assert.deepEqual(await select('linux/arm64'), { ...arm64, platform: linux('arm64', 'v8') });
    const single = await selectManifest(images.store, amd64, parsePlatform('linux/amd64'));
    assert.equal(single.digest, amd64.digest);
  });

  test('says which platforms there are when it is none of them', async () => {
    const images = new Images();
    const arm = { ...(await images.image('linux', 'arm', 'v6')), platform: linux('arm', 'v6') };
    const attestation = {
      ...(await images.image('unknown', 'unknown')),
      platform: { os: 'unknown', architecture: 'unknown' },
    };
    const index = await images.index(arm, attestation);
    await assert.rejects(selectManifest(images.store, index, parsePlatform('linux/s390x')), {
      code: 'PLATFORM_MISSING',
      hint: 'it has linux/arm/v6',
    });
  });

  test('goes into indexes of indexes, and not for ever', async () => {
    const images = new Images();
    const image = { ...(await images.image('linux', 'amd64')), platform: linux('amd64') };
    let index = await images.index(image);
    for (let depth = 1; depth < 4; depth++) index = await images.index(index);
    assert.equal((await listPlatforms(images.store, index)).length, 1);
    index = await images.index(index);
    await assert.rejects(listPlatforms(images.store, index), { code: 'LIMIT' });
  });
});

test('an index whose entries multiply is not followed to its end', async () => {
  const images = new Images();
  const leaf = await images.json(mediaTypes.ociManifest, {
    schemaVersion: 2,
    artifactType: 'application/vnd.example',
    config: { mediaType: mediaTypes.ociEmpty, digest: digestOf('{}'), size: 2 },
    layers: [],
  });
  let index = leaf;
  for (let depth = 0; depth < 2; depth++) index = await images.index(...Array<Descriptor>(40).fill(index));
  await assert.rejects(listPlatforms(images.store, index), { code: 'LIMIT' });
});

describe('a manifest read by its content', () => {
  const parse = (value: unknown) => parseDocument(Buffer.from(JSON.stringify(value)), 'it');
  const descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(''), size: 0 };

  test('is a manifest or an index whether or not it says so', () => {
    const manifest = { schemaVersion: 2, config: descriptor, layers: [] };
    assert.equal(parse(manifest).mediaType, mediaTypes.ociManifest);
    assert.equal(
      parse({ ...manifest, mediaType: mediaTypes.dockerManifest }).mediaType,
      mediaTypes.dockerManifest,
    );
    assert.equal(parse({ schemaVersion: 2, manifests: [descriptor] }).kind, 'index');
  });

  test('is refused when it is both, neither, or malformed', () => {
    const manifest = { schemaVersion: 2, config: descriptor, layers: [] };
    const wrong: unknown[] = [
      { ...manifest, manifests: [] },
      { ...manifest, mediaType: mediaTypes.ociIndex },
      { schemaVersion: 2, manifests: [], mediaType: mediaTypes.ociManifest },
      { schemaVersion: 2 },
      { schemaVersion: 1, fsLayers: [] },
      { ...manifest, layers: {} },
      { ...manifest, layers: [{ ...descriptor, digest: 'sha256:../../etc/passwd' }] },
      { ...manifest, layers: [{ ...descriptor, size: -1 }] },
      { ...manifest, config: null },
      { schemaVersion: 2, manifests: [{ ...descriptor, platform: { os: 1 } }] },
      [],
      null,
    ];
    for (const value of wrong)
      assert.throws(() => parse(value), { code: 'CONTENT_INVALID' }, JSON.stringify(value));
  });

  test('is read whole only under a limit, and only as what it is', async () => {
    const images = new Images();
    const image = await images.image('linux', 'amd64');
    const index = await images.index(image);
    await assert.rejects(readBytes(images.store, image, { limit: 10 }), { code: 'LIMIT' });
    await assert.rejects(readManifest(images.store, index), { code: 'CONTENT_INVALID' });
    await assert.rejects(readIndex(images.store, image), { code: 'CONTENT_INVALID' });
    await assert.rejects(readImageConfig(images.store, image), { code: 'CONTENT_INVALID' });
  });
});
