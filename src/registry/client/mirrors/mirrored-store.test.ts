import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Exchange,
  type ScriptedServer,
  scriptedServer,
} from '../../../../test/fixtures/scripted-server.ts';
import { contentFromBytes } from '../../../content/content.ts';
import { collect } from '../../../content/read-manifest.ts';
import { selectManifest } from '../../../content/select-manifest.ts';
import { digestOf } from '../../../lib/digest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { anonymous } from '../auth/credential.ts';
import type { RegistryEvent } from '../events.ts';
import { RegistryClient, type RegistryClientOptions } from '../registry-client.ts';
import type { MirroredStore } from './mirrored-store.ts';
import { type PullFromMirror, RegistriesConf } from './registries-conf.ts';

type Script = (exchange: Exchange) => void | Promise<void>;

interface World {
  readonly store: MirroredStore;
  readonly mirror: ScriptedServer;
  readonly itself: ScriptedServer;
  readonly warnings: string[];
}

/** `r.example/a/b` that lives at `itself`, with a mirror. */
async function withMirror(
  scripts: { mirror: Script; itself: Script },
  work: (world: World) => Promise<void>,
  options: RegistryClientOptions & { pull?: PullFromMirror } = {},
): Promise<void> {
  const mirror = await scriptedServer(scripts.mirror);
  const itself = await scriptedServer(scripts.itself);
  const warnings: string[] = [];
  const registries = new RegistriesConf([
    {
      prefix: 'r.example',
      location: itself.host,
      insecure: false,
      blocked: false,
      file: 'x',
      mirrors: [{ location: `${mirror.host}/m`, insecure: false, pull: options.pull ?? 'all' }],
    },
  ]);
  const onEvent = (event: RegistryEvent): void => {
    if (event.type === 'registry-warning') warnings.push(event.message);
  };
  const client = new RegistryClient({ credentials: anonymous, pace: 0.001, registries, onEvent, ...options });
  try {
    const store = client.source('r.example', 'a/b') as MirroredStore;
    await work({ store, mirror, itself, warnings });
  } finally {
    client.close();
    await mirror.close();
    await itself.close();
  }
}

const bytes = Buffer.alloc(300_000, 'polyarch');
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length };
const indexOf = (...architectures: string[]) => {
  const manifests = architectures.map((architecture) => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(architecture),
    size: 5,
    platform: { os: 'linux', architecture },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
};
const manifest =
  (text: string): Script =>
  ({ answer }) =>
    answer(200, { 'content-type': mediaTypes.ociIndex, 'docker-content-digest': digestOf(text) }, text);
const never: Script = () => assert.fail('it is not asked');

describe('a repository with a mirror', () => {
  test('the mirror is asked first, under its own name, and has all', async () => {
    const script: Script = (exchange) =>
      exchange.seen.url.includes('/blobs/')
        ? exchange.answer(200, {}, bytes)
        : manifest(indexOf('amd64'))(exchange);
    await withMirror({ mirror: script, itself: never }, async ({ store, mirror, warnings }) => {
      assert.equal((await store.resolve('1')).digest, digestOf(indexOf('amd64')));
      assert.ok(bytes.equals(await collect(await store.fetch(blob))));
      assert.ok(mirror.seen.every(({ url }) => url.startsWith('/v2/m/a/b/')));
      assert.deepEqual(warnings, []);
    });
  });

  test('a mirror that lacks a blob, breaks, refuses or lies is told once and the place itself asked', async () => {
    const ways: Record<string, Script> = {
      'no such': ({ answer }) => answer(404),
      '503': ({ answer }) => answer(503),
      broke: ({ response }) => void response.destroy(),
      refused: ({ answer }) => answer(403),
    };
    for (const [words, mirror] of Object.entries(ways)) {
      const itself: Script = ({ answer }) => answer(200, {}, bytes);
      await withMirror({ mirror, itself }, async ({ store, warnings }) => {
        for (const _ of [1, 2]) assert.ok(bytes.equals(await collect(await store.fetch(blob))));
        assert.equal(warnings.length, 1);
        assert.match(warnings[0] ?? '', new RegExp(words));
      });
    }
    const lies: Script = ({ answer }) => answer(200, { 'docker-content-digest': digestOf('x') }, 'y');
    await withMirror({ mirror: lies, itself: manifest(indexOf('arm64')) }, async ({ store }) => {
      assert.equal((await store.resolveDocument('1')).descriptor.digest, digestOf(indexOf('arm64')));
    });
  });

  test('in the middle of a blob the place itself goes on', async () => {
    const mirror: Script = ({ response }) => {
      response.writeHead(200, { 'content-length': String(bytes.length) });
      response.write(bytes.subarray(0, 100_000), () => response.destroy());
    };
    const itself: Script = ({ seen, answer }) => {
      const from = Number(/bytes=(\d+)-/.exec(seen.headers.range ?? '')?.[1] ?? 0);
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      answer(from > 0 ? 206 : 200, { 'content-range': range }, bytes.subarray(from));
    };
    await withMirror({ mirror, itself }, async ({ store, itself: { seen } }) => {
      assert.ok(bytes.equals(await collect(await store.fetch(blob))));
      assert.match(seen[0]?.headers.range ?? '', /^bytes=[1-9]\d*-$/);
    });
  });

  test('a mirror’s image without the platform is left for that of the place itself', async () => {
    const scripts = { mirror: manifest(indexOf('amd64')), itself: manifest(indexOf('amd64', 'arm64')) };
    await withMirror(scripts, async ({ store, warnings }) => {
      const root = await store.resolve('1');
      const found = await selectManifest(store, root, { os: 'linux', architecture: 'arm64' });
      assert.equal(found.digest, digestOf('arm64'));
      assert.match(warnings[0] ?? '', /has no linux\/arm64/);
      await assert.rejects(selectManifest(store, root, { os: 'linux', architecture: 's390x' }), {
        code: 'PLATFORM_MISSING',
        hint: 'it has linux/amd64, linux/arm64',
      });
    });
  });

  test('mirrors for digests resolve no tags, those for tags give what they resolved', async () => {
    const itself = manifest(indexOf('arm64'));
    await withMirror({ mirror: never, itself }, async ({ store }) => void (await store.resolve('1')), {
      pull: 'digest-only',
    });
    const mirror: Script = (exchange) =>
      exchange.seen.url.includes('/blobs/')
        ? exchange.answer(200, {}, bytes)
        : manifest(indexOf('amd64'))(exchange);
    await withMirror(
      { mirror, itself: ({ answer }) => answer(200, {}, bytes) },
      async ({ store, mirror: { seen } }) => {
        await collect(await store.fetch(blob));
        assert.equal(seen.length, 0);
        await store.resolve('1');
        await collect(await store.fetch(blob));
        assert.equal(seen.length, 2);
      },
      { pull: 'tag-only' },
    );
  });

  test('the failure of the place itself is the failure; a mirror never gets the named credential', async () => {
    const challenge: Script = ({ seen, answer }) => {
      if (seen.headers.authorization === undefined) answer(401, { 'www-authenticate': 'Basic realm="x"' });
      else answer(404);
    };
    const credential = { username: 'me', password: 'pw' };
    await withMirror(
      { mirror: challenge, itself: challenge },
      async ({ store, mirror, itself }) => {
        await assert.rejects(store.resolve('1'), { code: 'UNAUTHORIZED' });
        for (const { seen } of [mirror, itself])
          assert.ok(seen.every(({ headers }) => !headers.authorization));
      },
      { credential },
    );
  });
});

test('what is written goes to the repository itself', async () => {
  const server = await scriptedServer(({ seen, answer }) => answer(seen.method === 'HEAD' ? 404 : 201));
  const mirrors = [{ location: 'm.example', insecure: false, pull: 'all' as const }];
  const rule = {
    prefix: server.host,
    location: server.host,
    insecure: false,
    blocked: false,
    file: 'x',
    mirrors,
  };
  const client = new RegistryClient({ credentials: anonymous, registries: new RegistriesConf([rule]) });
  try {
    const text = indexOf('amd64');
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: digestOf(text), size: text.length };
    await client.source(server.host, 'a/b').push(descriptor, contentFromBytes(text));
    assert.deepEqual(
      server.seen.map(({ method, url }) => `${method} ${url.split('/').slice(0, 4).join('/')}`),
      ['HEAD /v2/a/b', 'PUT /v2/a/b'],
    );
  } finally {
    client.close();
    await server.close();
  }
});
