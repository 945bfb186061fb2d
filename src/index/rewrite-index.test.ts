import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentFromBytes } from '../content/content.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { readImageConfig, readIndex, readManifest } from '../content/read-manifest.ts';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parsePlatform } from '../oci/platform.ts';
import { mutateImage } from './image/mutate-image.ts';
import type { IndexDraft } from './index-draft.ts';
import { rewriteIndex } from './rewrite-index.ts';
import { updateIndex } from './update-index.ts';

async function put(store: MemoryStore, mediaType: string, value: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  return descriptor;
}

async function putImage(store: MemoryStore, architecture: string): Promise<Descriptor> {
  const config = await put(store, mediaTypes.ociConfig, {
    os: 'linux',
    architecture,
    config: { User: 'root' },
    rootfs: { type: 'layers', diff_ids: [digestOf('tar')] },
  });
  const layers = [await put(store, mediaTypes.ociLayerGzip, 'layer')];
  const manifest = await put(store, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers,
  });
  return { ...manifest, platform: parsePlatform(`linux/${architecture}`) };
}

/** As BuildKit writes them; `subject` from 0.32 on. */
async function putAttestation(store: MemoryStore, of: Descriptor, withSubject: boolean): Promise<Descriptor> {
  const { mediaType, digest, size } = of;
  const manifest = await put(store, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await put(store, mediaTypes.ociConfig, `{"about":"${digest}"}`),
    layers: [],
    ...(withSubject ? { subject: { mediaType, digest, size } } : {}),
  });
  return {
    ...manifest,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digest,
    },
  };
}

async function attestedIndex() {
  const store = new MemoryStore();
  const [amd64, arm64] = [await putImage(store, 'amd64'), await putImage(store, 'arm64')];
  const entries = [
    amd64,
    arm64,
    await putAttestation(store, amd64, false),
    await putAttestation(store, arm64, true),
  ];
  const draft: IndexDraft = { mediaType: mediaTypes.ociIndex, entries };
  const index = await put(store, mediaTypes.ociIndex, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: entries,
  });
  await store.tag(index, 'x');
  return { store, draft, amd64, arm64, entries };
}

const asNobody = (image: Parameters<typeof mutateImage>[0]) => mutateImage(image, { user: 'nobody' });

test('images are written anew, and what is said about them points at the new ones, in the manifest too', async () => {
  const { store, draft, amd64 } = await attestedIndex();
  const updated = await updateIndex({ name: 'x', store, reference: 'x' }, (now) =>
    rewriteIndex('x', store, now, asNobody, { attestations: 'repoint' }),
  );
  assert.notEqual(updated.before.digest, updated.after.descriptor.digest);
  const { manifests } = await readIndex(store, await store.resolve('x'));
  assert.equal(manifests.length, draft.entries.length);
  const [image, second, plain, withSubject] = manifests as [Descriptor, Descriptor, Descriptor, Descriptor];
  const manifest = await readManifest(store, image);
  assert.equal((await readImageConfig(store, manifest.config)).config?.User, 'nobody');
  assert.deepEqual(manifest.layers, (await readManifest(store, amd64)).layers);
  assert.equal(plain.annotations?.['vnd.docker.reference.digest'], image.digest);
  assert.equal(withSubject.annotations?.['vnd.docker.reference.digest'], second.digest);
  assert.equal((await readManifest(store, withSubject)).subject?.digest, second.digest);
});

test('other platforms keep their bytes', async () => {
  const { store, draft, entries } = await attestedIndex();
  const rewritten = await rewriteIndex('x', store, draft, asNobody, {
    platforms: [parsePlatform('arm64')],
    attestations: 'drop',
  });
  assert.deepEqual(
    rewritten.draft.entries.filter((entry) => entries.includes(entry)),
    [entries[0], entries[2]],
  );
  assert.deepEqual(
    rewritten.rewritten.map(({ platform }) => platform),
    ['linux/arm64'],
  );
  await assert.rejects(
    rewriteIndex('x', store, draft, asNobody, { platforms: [parsePlatform('s390x')], attestations: 'drop' }),
    { code: 'USAGE' },
  );
});

test('a change that changes nothing writes nothing', async () => {
  const { store, draft } = await attestedIndex();
  const rewritten = await rewriteIndex('x', store, draft, (image) => image, { attestations: 'repoint' });
  assert.deepEqual(rewritten.draft.entries, draft.entries);
  assert.deepEqual(rewritten.documents, []);
});

test('an image is not given a platform that another entry is for', async () => {
  const { store, draft } = await attestedIndex();
  const change = (architecture: string) =>
    rewriteIndex(
      'i',
      store,
      draft,
      (image) => mutateImage(image, { platform: { os: 'linux', architecture } }),
      { platforms: [parsePlatform('linux/arm64')], attestations: 'repoint' },
    );
  await assert.rejects(change('amd64'), {
    code: 'USAGE',
    message: /another image for linux\/amd64: sha256:/,
  });
  const { draft: after } = await change('s390x');
  assert.equal(after.entries[1]?.platform?.architecture, 's390x');
});
