import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect, inspectConfig, inspectRaw } from '../../app/inspect/inspect.ts';
import { push } from '../../app/push.ts';
import { openLocalStore } from '../../app/stores.ts';
import { contentFromBytes } from '../../content/content.ts';
import type { Store } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { renderInspected } from './views.ts';

async function put(store: Store, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  return descriptor;
}

/** As BuildKit makes them (attestation-storage.md): an entry for no platform, whose layers are in-toto statements. */
async function attestationOf(store: Store, about: string): Promise<Descriptor> {
  const layers = await Promise.all(
    ['https://spdx.dev/Document', 'https://slsa.dev/provenance/v1'].map(async (predicate) => ({
      ...(await put(store, 'application/vnd.in-toto+json', { predicateType: predicate, subject: about })),
      annotations: { 'in-toto.io/predicate-type': predicate },
    })),
  );
  const diffIds = layers.map((layer) => layer.digest);
  const config = await put(store, mediaTypes.ociConfig, {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  return {
    ...(await put(store, mediaTypes.ociManifest, manifest)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': about,
    },
  };
}

/** amd64 and arm64/v8 with one layer each, and the first one's provenance, as `localhost:5000/hello:1`. */
async function withHello(work: (env: NodeJS.ProcessEnv, root: Descriptor) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'polyarch-app-'));
  const env = { POLYARCH_HOME: home };
  try {
    const store = await openLocalStore({ env, create: true });
    const entries: Descriptor[] = [];
    for (const [architecture, variant] of [['amd64'], ['arm64', 'v8']] as const) {
      const platform = { os: 'linux', architecture: architecture ?? '', ...(variant ? { variant } : {}) };
      const layer = await put(store, mediaTypes.ociLayerGzip, `layer of ${architecture}`);
      const config = await put(store, mediaTypes.ociConfig, {
        ...platform,
        created: '2024-01-01T00:00:00Z',
        config: { Cmd: ['/hello'], Labels: { title: 'a\u001b[31mb' } },
        rootfs: { type: 'layers', diff_ids: [layer.digest] },
        history: [{ created_by: 'COPY hello /' }, { created_by: 'CMD ["/hello"]', empty_layer: true }],
      });
      const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
      entries.push({ ...(await put(store, mediaTypes.ociManifest, manifest)), platform });
    }
    entries.push(await attestationOf(store, entries[0]?.digest ?? ''));
    const root = await put(store, mediaTypes.ociIndex, { schemaVersion: 2, manifests: entries });
    await store.tag(root, 'localhost:5000/hello:1');
    await work(env, root);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

describe('inspect', () => {
  test('an index is its platforms, attestations folded into the one that they are about', async () => {
    await withHello(async (env, root) => {
      const found = await inspect('local:localhost:5000/hello:1', { env });
      assert.equal(found.kind, 'index');
      if (found.kind !== 'index') return;
      assert.equal(found.digest, root.digest);
      assert.deepEqual(
        found.platforms.map(({ platform, layers, attestations }) => [
          platform,
          layers,
          attestations.map(({ predicates }) => predicates),
        ]),
        [
          ['linux/amd64', 1, [['https://spdx.dev/Document', 'https://slsa.dev/provenance/v1']]],
          ['linux/arm64/v8', 1, []],
        ],
      );
      const lines = renderInspected(found).split('\n');
      assert.match(lines[4] ?? '', /^OS\/ARCH +SIZE {2}LAYERS {2}DIGEST$/);
      assert.match(lines[5] ?? '', /^linux\/amd64 +\d+ B +1 {2}sha256:[0-9a-f]{64}$/);
      assert.match(lines[6] ?? '', /^└ SBOM, provenance +\d+ B +2 {2}sha256:[0-9a-f]{64}$/);
    });
  });

  test('a platform is its manifest: config, layers, history beside its layer', async () => {
    await withHello(async (env) => {
      const found = await inspect('local:localhost:5000/hello:1', { env, platform: 'arm64' });
      assert.equal(found.kind, 'manifest');
      if (found.kind !== 'manifest') return;
      assert.equal(found.image?.platform, 'linux/arm64/v8');
      assert.deepEqual(found.image?.config.Cmd, ['/hello']);
      const text = renderInspected(found);
      assert.match(text, /^ {4}1 +14 B {2}COPY hello \/$/m);
      assert.match(text, /^ {2}title=a \[31mb$/m);
      assert.equal(text.includes('\u001b'), false);
      await assert.rejects(inspect('local:localhost:5000/hello:1', { env, platform: 's390x' }), {
        code: 'PLATFORM_MISSING',
        hint: 'it has linux/amd64, linux/arm64/v8',
      });
    });
  });

  test('what is missing or about nothing is shown as such', async () => {
    await withHello(async (env) => {
      const store = await openLocalStore({ env });
      const gone = { mediaType: mediaTypes.ociManifest, digest: digestOf('gone'), size: 4 };
      const orphan = await attestationOf(store, gone.digest);
      const manifests = [{ ...gone, platform: { os: 'linux', architecture: 's390x' } }, orphan];
      const root = await put(store, mediaTypes.ociIndex, { schemaVersion: 2, manifests });
      await store.tag(root, 'localhost:5000/hello:sparse');
      const sparse = await inspect('local:localhost:5000/hello:sparse', { env });
      assert.match(renderInspected(sparse), /^linux\/s390x +missing +- {2}sha256:/m);
      await store.tag(
        await put(store, mediaTypes.ociIndex, { schemaVersion: 2, manifests: [orphan] }),
        'o:1',
      );
      const dangling = await inspect(`local:localhost:5000/x@${(await store.resolve('o:1')).digest}`, {
        env,
      });
      assert.match(renderInspected(dangling), /^DANGLING ATTESTATION .*ABOUT$/m);
      assert.match(renderInspected(dangling), new RegExp(`^SBOM, provenance .* ${gone.digest}$`, 'm'));
    });
  });

  test('the config of a platform, byte for byte', async () => {
    await withHello(async (env) => {
      const bytes = await inspectConfig('local:localhost:5000/hello:1', { env, platform: 'arm64' });
      const found = await inspect('local:localhost:5000/hello:1', { env, platform: 'arm64' });
      assert.equal(found.kind === 'manifest' && found.config.digest, digestOf(bytes));
    });
  });

  test('raw is byte for byte what the digest is of', async () => {
    await withHello(async (env, root) => {
      assert.equal(digestOf(await inspectRaw('local:localhost:5000/hello:1', { env })), root.digest);
      assert.equal(
        digestOf(await inspectRaw(`local:localhost:5000/hello@${root.digest}`, { env })),
        root.digest,
      );
    });
  });

  test('no local store is NOT_FOUND, and none is made', async () => {
    const env = { POLYARCH_HOME: '/nonexistent/polyarch' };
    await assert.rejects(inspect('local:hello', { env }), {
      code: 'NOT_FOUND',
      message: /no local store yet/,
    });
  });
});

describe('push', () => {
  test('refuses what it cannot mean, before anything is sent', async () => {
    await withHello(async (env) => {
      await assert.rejects(push('nothing', 'localhost:5000/x', { env }), { code: 'NOT_FOUND' });
      await assert.rejects(push('localhost:5000/hello:1', 'hello', { env }), { code: 'USAGE' });
      await assert.rejects(push('docker://localhost:5000/hello:1', undefined, { env }), {
        code: 'UNSUPPORTED',
      });
      await assert.rejects(push('localhost:5000/hello:1', 'oci:dir', { env }), { code: 'UNSUPPORTED' });
      const other = `localhost:5000/x@${digestOf('other')}`;
      await assert.rejects(push('localhost:5000/hello:1', other, { env }), { code: 'USAGE' });
    });
  });
});
