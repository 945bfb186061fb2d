import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CopyRequest, copy } from '../../src/app/copy/copy.ts';
import { openStore } from '../../src/app/stores.ts';
import { contentFromBytes } from '../../src/content/content.ts';
import { collect, readDocument, readIndex, readManifest } from '../../src/content/read-manifest.ts';
import { sampleImage } from '../../src/content/store.suite.ts';
import type { Store } from '../../src/content/store.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { parseLocation } from '../../src/oci/location.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { cosignTag } from '../../src/oci/referrers-tag.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { type RunningRegistry, startRegistry } from '../../src/registry/server/start-registry.ts';

async function put(store: Store, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(value));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  return descriptor;
}

/** What one cosign or SBOM tool leaves: a manifest with an empty config and one small layer. */
async function artifact(store: Store, subject?: Descriptor): Promise<Descriptor> {
  const config = await put(store, mediaTypes.ociEmpty, {});
  const layer = await put(store, 'application/spdx+json', {
    about: subject?.digest ?? 'nothing',
    at: Math.random(),
  });
  return await put(store, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/spdx+json',
    config,
    layers: [layer],
    ...(subject && { subject }),
  });
}

interface Made {
  readonly root: Descriptor;
  readonly images: readonly Descriptor[];
  readonly attestation: Descriptor;
}

/** Two platforms that share a layer, an in-index attestation. */
async function makeImage(store: Store): Promise<Made> {
  const shared = sampleImage('shared');
  await store.push(shared.descriptors.layer, contentFromBytes(shared.layer));
  const images: Descriptor[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const own = sampleImage(architecture);
    await store.push(own.descriptors.layer, contentFromBytes(own.layer));
    const layers = [shared.descriptors.layer, own.descriptors.layer];
    const config = await put(store, mediaTypes.ociConfig, {
      os: 'linux',
      architecture,
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    });
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
    images.push({
      ...(await put(store, mediaTypes.ociManifest, manifest)),
      platform: { os: 'linux', architecture },
    });
  }
  const attestation = {
    ...(await artifact(store)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': images[1]?.digest ?? '',
    },
  };
  const manifests = [...images, attestation];
  const root = await put(store, mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests,
  });
  return { root, images, attestation };
}

describe('copy', () => {
  let directory = '';
  let registry: RunningRegistry;
  let client: RegistryClient;
  let made: Made;
  const env: NodeJS.ProcessEnv = {};
  const inRegistry = (name: string): string => `${registry.host}/${name}`;
  const run = (source: string, targets: string | string[], request: CopyRequest = {}) =>
    copy(source, [targets].flat(), { env, ...request });
  const read = async <T>(
    location: string,
    work: (store: Store, root: Descriptor) => Promise<T>,
  ): Promise<T> => {
    const opened = await openStore(parseLocation(location), { client, env });
    try {
      return await work(opened.store, await opened.store.resolve(opened.reference));
    } finally {
      await opened.close();
    }
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'polyarch-copy-'));
    env.POLYARCH_HOME = join(directory, 'home');
    env.DOCKER_CONFIG = join(directory, 'none');
    registry = await startRegistry({ root: join(directory, 'registry') });
    client = new RegistryClient({ credentials: anonymous });
    const store = client.repository(registry.host, 'src');
    made = await makeImage(store);
    await store.tag(made.root, 'v1');
    // An SBOM of a platform, a signature of that SBOM, and cosign's of the index.
    const [amd64] = made.images;
    assert.ok(amd64);
    const { platform: _platform, ...subject } = amd64;
    const sbom = await artifact(store, subject);
    await artifact(store, sbom);
    await store.tag(await artifact(store), cosignTag(made.root.digest, 'sig'));
  });
  after(async () => {
    client.close();
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('everything comes along, to several names, and a second time nothing moves', async () => {
    const names = [inRegistry('all:v1'), inRegistry('all:v2'), `oci:${directory}/all:v1`];
    const result = await run(inRegistry('src:v1'), names);
    assert.equal(result.digest, made.root.digest);
    assert.equal(result.referrers, 3);
    const target = client.repository(registry.host, 'all');
    for (const tag of ['v1', 'v2', cosignTag(made.root.digest, 'sig')]) await target.resolve(tag);
    const again = await run(inRegistry('src:v1'), names);
    assert.equal(again.unchanged, true);
    assert.equal(again.counts.copied.contents, 0);
    assert.equal(again.referrers, 3);
  });

  for (const target of [
    'oci:D/o',
    'oci:D/o:v1',
    'oci-archive:D/o.tar:v1',
    'dir:D/one',
    'docker-archive:D/d.tar:a:1',
    'local:a:1',
  ]) {
    test(`to ${target} and back to a registry`, async () => {
      const there = target.replace('D/', `${directory}/`);
      const out = await run(inRegistry('src:v1'), there);
      assert.equal(out.digest, made.root.digest);
      const name = `back-${target.replaceAll(/[^a-z0-9]+/g, '-')}`.replace(/-$/, '');
      const back = await run(there, inRegistry(`${name}:v1`));
      assert.equal(back.digest, made.root.digest);
      assert.equal(back.referrers, /^(?:docker-archive|dir)/.test(target) ? 0 : 3);
      await read(inRegistry(`${name}:v1`), async (store, root) => {
        for (const entry of (await readIndex(store, root)).manifests) await readManifest(store, entry);
      });
    });
  }

  test('some platforms: a new index with their attestations, or the old one with what it lacks', async () => {
    const one = `oci:${directory}/some:one`;
    const result = await run(inRegistry('src:v1'), one, { platforms: ['linux/arm64'] });
    assert.notEqual(result.digest, made.root.digest);
    await read(one, async (store, root) => {
      const { manifests } = await readIndex(store, root);
      assert.deepEqual(
        manifests.map(({ digest }) => digest),
        [made.images[1]?.digest, made.attestation.digest],
      );
    });
    const sparse = `oci:${directory}/sparse:one`;
    const kept = await run(inRegistry('src:v1'), sparse, { platforms: ['linux/amd64'], sparse: true });
    assert.equal(kept.digest, made.root.digest);
    assert.equal(kept.referrers, 3);
    await read(sparse, async (store) => {
      assert.deepEqual(
        await Promise.all([...made.images, made.attestation].map((entry) => store.exists(entry))),
        [true, false, false],
      );
    });
    const both = await run(inRegistry('src:v1'), one, { platforms: ['linux/arm64', 'linux/amd64'] });
    assert.equal(both.digest, made.root.digest);
    await assert.rejects(run(inRegistry('src:v1'), one, { platforms: ['linux/s390x'] }), {
      code: 'PLATFORM_MISSING',
      hint: /linux\/amd64, linux\/arm64/,
    });
    await assert.rejects(run(inRegistry('src:v1'), one, { sparse: true }), { code: 'USAGE' });
  });

  test('other media types and back are the same image; attestations point at the new digests', async () => {
    const docker = `oci:${directory}/docker:v1`;
    const result = await run(inRegistry('src:v1'), docker, { type: 'docker' });
    assert.equal(result.mediaType, mediaTypes.dockerManifestList);
    await read(docker, async (store, root) => {
      const { manifests } = await readIndex(store, root);
      const [, arm64, attestation] = manifests;
      assert.equal(attestation?.annotations?.['vnd.docker.reference.digest'], arm64?.digest);
      assert.equal(arm64?.mediaType, mediaTypes.dockerManifest);
    });
    assert.equal((await run(docker, `oci:${directory}/back:v1`, { type: 'oci' })).digest, made.root.digest);
  });

  test('layers are compressed anew, and their diff ids stay', async () => {
    for (const compression of ['gzip', 'zstd'] as const) {
      const there = `oci:${directory}/${compression}:v1`;
      await run(inRegistry('src:v1'), there, { compression });
      await read(there, async (store, root) => {
        for (const entry of (await readIndex(store, root)).manifests.slice(0, 2)) {
          const { layers } = await readManifest(store, entry);
          for (const layer of layers) {
            assert.match(layer.mediaType, new RegExp(`tar\\+${compression}$`));
            await collect(await store.fetch(layer));
          }
        }
      });
      const plain = await run(there, `oci:${directory}/${compression}-plain:v1`, {
        compression: 'none',
        forceCompression: true,
      });
      assert.equal(plain.digest, made.root.digest);
    }
    const zstd = `oci:${directory}/zstd:v1`;
    await assert.rejects(run(zstd, `oci:${directory}/no:v1`, { type: 'docker' }), { code: 'UNSUPPORTED' });
  });

  test('a dry run moves nothing and makes nothing', async () => {
    const result = await run(inRegistry('src:v1'), inRegistry('dry:v1'), { dryRun: true });
    assert.ok(result.counts.copied.bytes > 0);
    await assert.rejects(client.repository(registry.host, 'dry').resolve('v1'), { code: 'NOT_FOUND' });
    await run(inRegistry('src:v1'), `oci:${directory}/dry:v1`, { dryRun: true });
    await assert.rejects(
      read(`oci:${directory}/dry:v1`, async () => {}),
      { code: 'NOT_FOUND' },
    );
  });

  test('what cannot be meant is refused', async () => {
    const usage = [
      'busybox:1',
      `oci:${directory}/o@${digestOf('x')}`,
      `docker-archive:${directory}/o.tar:@0`,
    ];
    for (const target of usage)
      await assert.rejects(run(inRegistry('src:v1'), target), { code: 'USAGE' }, target);
    await assert.rejects(run(inRegistry('src:v1'), inRegistry(`a@${digestOf('x')}`)), { code: 'USAGE' });
    await assert.rejects(run(inRegistry('src:none'), inRegistry('a:1')), { code: 'NOT_FOUND' });
    const exact = await run(inRegistry('src:v1'), inRegistry(`by-digest@${made.root.digest}`));
    await read(inRegistry(`by-digest@${exact.digest}`), readDocument);
  });
});
