import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { buildImage } from '../../src/app/build.ts';
import { copy } from '../../src/app/copy/copy.ts';
import { imagePushes } from '../../src/app/image-push.ts';
import { createIndex } from '../../src/app/index/create-index.ts';
import { inspect, inspectRaw } from '../../src/app/inspect/inspect.ts';
import { createRegistryClient } from '../../src/app/stores.ts';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import type { Store } from '../../src/content/store.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { type RunningRegistry, startRegistry } from '../../src/registry/server/start-registry.ts';
import { certificateAuthority } from '../fixtures/certificates.ts';
import {
  type DockerRegistry,
  skipWithoutDockerRegistry,
  startDockerRegistry,
} from '../fixtures/docker-registry.ts';
import { randomImage } from '../fixtures/random-image.ts';
import { type CountedRequests, requestsOf } from '../fixtures/requests-of.ts';
import { startTokenService, type TokenService } from '../fixtures/token-service.ts';

const platforms = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/s390x',
  'linux/ppc64le',
  'linux/riscv64',
];

/** What may have referrers: the index and each image. */
const contents = 1 + platforms.length;

/** A signature-like manifest about `subject`. */
async function referTo(store: Store, subject: Descriptor): Promise<void> {
  const put = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const config = await put(mediaTypes.ociEmpty, {});
  const { mediaType, digest, size } = subject;
  await put(mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/example',
    config,
    layers: [config],
    subject: { mediaType, digest, size },
  });
}

describe('as few requests as there can be', () => {
  let directory = '';
  let env: NodeJS.ProcessEnv;
  let index: Descriptor;
  let layout: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'polyarch-requests-'));
    env = { POLYARCH_HOME: join(directory, 'home'), DOCKER_CONFIG: join(directory, 'none') };
    const store = await LayoutStore.open(join(directory, 'image'), { create: true });
    index = (await randomImage(store, { seed: 7, platforms, layers: 2 })).root;
    await store.tag(index, '1');
    layout = `oci:${directory}/image:1`;
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const exactly = ({ sent }: CountedRequests, count: number): void =>
    assert.equal(sent.length, count, sent.join('\n'));
  const atMost = ({ sent }: CountedRequests, count: number): void =>
    assert.ok(sent.length <= count, sent.join('\n'));

  describe('a registry with the referrers API', () => {
    let registry: RunningRegistry;
    const name = (text: string): string => `${registry.host}/${text}`;
    before(async () => {
      registry = await startRegistry({ root: join(directory, 'registry') });
      await copy(layout, [name('a:1')], { env });
    });
    after(() => registry.close());

    test('inspect --raw is one, the table one and one for each platform, side by side', async () => {
      exactly(await requestsOf(() => inspectRaw(name('a:1'), { env })), 1);
      const table = await requestsOf(() => inspect(name('a:1'), { env }));
      exactly(table, 1 + platforms.length);
      assert.equal(table.together, platforms.length);
    });

    test('a copy with nothing to do is two, with referrers one more for each content that may have some', async () => {
      await copy(name('a:1'), [name('b:1')], { env });
      const plain = await requestsOf(() => copy(name('a:1'), [name('b:1')], { env, referrers: false }));
      exactly(plain, 2);
      atMost(await requestsOf(() => copy(name('a:1'), [name('b:1')], { env })), 3 + contents);
      const source = await LayoutStore.open(join(directory, 'image'));
      await referTo(source, index);
      await copy(layout, [name('a:1'), name('b:1')], { env });
      const referred = await requestsOf(() => copy(name('a:1'), [name('b:1')], { env }));
      // And of the referrer: what it is, whether it is there, what refers to it.
      atMost(referred, 3 + contents + 3);
    });

    test('a build of two platforms that has nothing to do asks once what each base is, and once for its own name', async () => {
      const context = join(directory, 'context');
      await mkdir(context);
      await writeFile(join(context, 'Dockerfile'), `FROM ${name('a:1')}\nCOPY --link Dockerfile /\n`);
      const build = () =>
        requestsOf(() =>
          buildImage({
            ...{ context, tags: [name('d:1')], platforms: ['linux/amd64', 'linux/arm64'], buildArgs: [] },
            ...{ network: 'host', cache: true, push: true, env },
          }),
        );
      await build();
      assert.deepEqual((await build()).sent, ['HEAD /v2/a/manifests/1', 'HEAD /v2/d/manifests/1']);
    });

    test('a copy to several repositories of one registry sends each blob once, and mounts it for the others', async () => {
      const targets = ['m/one:1', 'm/two:1', 'm/two:2', 'm/three:1'].map(name);
      // A layer and a config of each platform, and a layer that all have.
      const blobs = 2 * platforms.length + 1;
      const { sent } = await requestsOf(() => copy(layout, targets, { env }));
      const count = (pattern: RegExp): number => sent.filter((line) => pattern.test(line)).length;
      assert.equal(count(/^POST \/v2\/m\/one\/blobs\/uploads\//), blobs, sent.join('\n'));
      assert.equal(count(/^POST \/v2\/m\/two\/.*[?&]mount=.*&from=m%2Fone/), blobs, sent.join('\n'));
      assert.equal(count(/^POST \/v2\/m\/three\/.*[?&]mount=.*&from=m%2Fone/), blobs);
      assert.equal(count(/^(PUT|PATCH) \/v2\/m\/(two|three)\/blobs\//), 0);
    });

    test('a push of what a build made before, to the same tag, is one', async () => {
      const source = await LayoutStore.open(join(directory, 'image'));
      const client = await createRegistryClient({ env });
      const push = async (tag: string): Promise<CountedRequests> =>
        await requestsOf(async () => {
          for (const one of imagePushes([parseReference(name(`c:${tag}`))], client, {}))
            await one.finish({ root: index, source, origin: () => undefined });
        });
      try {
        await push('1');
        assert.deepEqual((await push('1')).sent, ['HEAD /v2/c/manifests/1']);
        const other = await push('2');
        assert.equal(other.sent.at(-1), 'PUT /v2/c/manifests/2');
        assert.equal((await client.repository(registry.host, 'c').resolve('2')).digest, index.digest);
      } finally {
        client.close();
      }
    });
  });

  describe('an index of four images', { skip: skipWithoutDockerRegistry }, () => {
    let registry: DockerRegistry;
    const parts = platforms.slice(0, 4);
    const name = (text: string): string => `${registry.host}/${text}`;
    const sources = parts.map((_, at) => `parts:${at}`);
    before(async () => {
      registry = await startDockerRegistry();
      const store = await LayoutStore.open(join(directory, 'parts'), { create: true });
      for (const [at, platform] of parts.entries()) {
        const { root } = await randomImage(store, { seed: at + 1, platforms: [platform], layers: 2 });
        await store.tag(root, String(at));
        await copy(`oci:${directory}/parts:${at}`, [name(`parts:${at}`)], { env });
      }
    });
    after(() => registry.close());

    // crane 0.20 sends 19: `index append` of the four under the same name.
    test('in their own repository it is a manifest and a config of each, and the index', async () => {
      const target = name('parts:all');
      const created = await requestsOf(() => createIndex({ target, sources: sources.map(name), env }));
      exactly(created, 2 * parts.length + 1);
      assert.equal(created.together, parts.length);
      assert.equal(created.sent.at(-1), 'PUT /v2/parts/manifests/all');
    });
  });

  describe('docker-registry with tokens', { skip: skipWithoutDockerRegistry }, () => {
    let service: TokenService;
    let registry: DockerRegistry;
    const name = (text: string): string => `${registry.host}/${text}`;
    const request = { sourceRegistry: {}, targetRegistry: {} };
    before(async () => {
      const authority = await certificateAuthority();
      service = await startTokenService(await authority.issue('tokens'), 'polyarch test');
      const token = {
        realm: service.realm,
        service: 'registry',
        issuer: 'polyarch test',
        roots: authority.certificate,
      };
      registry = await startDockerRegistry({ token });
      const credential = { username: 'me', password: 's3cret' };
      request.sourceRegistry = { credential };
      request.targetRegistry = { credential };
      await copy(layout, [name('a:1'), name('b:1')], { env, ...request });
    });
    after(async () => {
      await registry.close();
      await service.close();
    });
    /** Less the token requests, and the one that each repository's first 401 answers. */
    const authenticated = ({ sent, together }: CountedRequests): CountedRequests => {
      const rest = sent.filter((line) => !line.includes('/token?'));
      return { sent: rest.slice(1), together };
    };

    test('the same, after authentication', async () => {
      const raw = await requestsOf(() => inspectRaw(name('a:1'), { env, registry: request.sourceRegistry }));
      assert.equal(raw.sent.length, 3, raw.sent.join('\n'));
      exactly(authenticated(raw), 1);
      const table = await requestsOf(() => inspect(name('a:1'), { env, registry: request.sourceRegistry }));
      exactly(authenticated(table), 1 + platforms.length);
      const same = { env, ...request, referrers: false };
      const noop = await requestsOf(() => copy(name('a:1'), [name('b:1')], same));
      atMost(authenticated(noop), 3);
    });
  });
});
