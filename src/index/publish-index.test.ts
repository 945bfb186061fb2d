import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentFromBytes } from '../content/content.ts';
import { MemoryStore } from '../content/memory-store.ts';
import { readIndex } from '../content/read-manifest.ts';
import { sampleImage } from '../content/store.suite.ts';
import type { Content } from '../content/store.ts';
import { digestOf } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { appendEntries } from './change-index.ts';
import { renderIndex } from './index-draft.ts';
import { planCreate } from './plan-create.ts';
import { publishIndex } from './publish-index.ts';
import { readSource } from './read-source.ts';
import { updateIndex } from './update-index.ts';

/** What happened to a store, in order. */
class Recorder extends MemoryStore {
  readonly log: string[] = [];

  override async push(descriptor: Descriptor, content: Content): Promise<void> {
    await super.push(descriptor, content);
    this.log.push(`push ${descriptor.mediaType.replace(/.*\.(\w+)\.v1\+.*/, '$1')}`);
  }

  override async tag(descriptor: Descriptor, reference: string): Promise<void> {
    await super.tag(descriptor, reference);
    this.log.push(`tag ${reference}`);
  }
}

async function withImage(architecture: string) {
  const store = new MemoryStore();
  const sample = sampleImage();
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture, rootfs: { type: 'layers', diff_ids: [] } }),
  );
  const put = async (mediaType: string, bytes: Buffer) => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await put(mediaTypes.ociConfig, config),
    layers: [await put(mediaTypes.ociLayer, Buffer.from(sample.layer))],
  };
  const root = await put(mediaTypes.ociManifest, Buffer.from(JSON.stringify(manifest)));
  await store.tag(root, architecture);
  return { store, root, source: await readSource({ name: architecture, store, reference: architecture }) };
}

async function twoImages() {
  const [amd64, arm64] = [await withImage('amd64'), await withImage('arm64')];
  const plan = planCreate('t', [amd64.source, arm64.source]);
  return { amd64, arm64, plan, document: renderIndex(plan.draft) };
}

test('children come first, the index after them, its names last; a shared layer once', async () => {
  const { plan, document } = await twoImages();
  const target = new Recorder();
  await publishIndex(document, plan.children, [{ name: 't', store: target, references: ['a', 'b'] }]);
  assert.deepEqual(target.log.slice(-3), ['push index', 'tag a', 'tag b']);
  assert.equal(target.log.filter((line) => line === 'push manifest').length, 2);
  assert.deepEqual((await target.resolve('b')).digest, document.descriptor.digest);
});

test('no name moves when one target cannot get a child', async () => {
  const { plan, document } = await twoImages();
  const [good, bad] = [new Recorder(), new Recorder()];
  bad.push = () => Promise.reject(failure('REGISTRY', 'push', 'x', 'full'));
  const targets = [
    { name: 'good', store: good, references: ['a'] },
    { name: 'bad', store: bad, references: ['a'] },
  ];
  await assert.rejects(publishIndex(document, plan.children, targets), { code: 'REGISTRY' });
  assert.deepEqual(
    good.log.filter((line) => line.startsWith('tag') || line === 'push index'),
    [],
  );
});

test('a name that points elsewhere than expected is left alone', async () => {
  const { plan, document, amd64 } = await twoImages();
  const target = new Recorder();
  const targets = [{ name: 't', store: target, references: ['a'] }];
  await assert.rejects(publishIndex(document, plan.children, targets, { expect: amd64.root.digest }), {
    code: 'CONFLICT',
    message: /it does not exist/,
  });
  await publishIndex(document, plan.children, targets, { expect: 'none' });
  await assert.rejects(publishIndex(document, plan.children, targets, { expect: 'none' }), {
    code: 'CONFLICT',
  });
  await publishIndex(document, plan.children, targets, { expect: document.descriptor.digest });
});

test('an index whose listed child is not there is not published anew', async () => {
  const { amd64, arm64, document } = await twoImages();
  const { store } = amd64;
  await store.push(document.descriptor, contentFromBytes(document.bytes));
  await store.tag(document.descriptor, 'whole');
  const source = await readSource({ name: 'whole', store, reference: 'whole' });
  const again = planCreate('t', [source]);
  await assert.rejects(
    publishIndex(renderIndex(again.draft), again.children, [{ name: 't', store, references: ['x'] }]),
    { code: 'NOT_FOUND', message: new RegExp(arm64.root.digest) },
  );
});

test('a change is made again when somebody else moved the name meanwhile', async () => {
  const { amd64, arm64 } = await twoImages();
  const riscv = await withImage('riscv64');
  const store = new Recorder();
  const first = planCreate('t', [amd64.source]);
  await publishIndex(renderIndex(first.draft), first.children, [{ name: 't', store, references: ['x'] }]);
  let rounds = 0;
  const added = planCreate('t', [arm64.source]);
  const updated = await updateIndex({ name: 't', store, reference: 'x' }, async (draft) => {
    if (rounds++ === 0) {
      const other = planCreate('t', [amd64.source, riscv.source]);
      await publishIndex(renderIndex(other.draft), other.children, [{ name: 't', store, references: ['x'] }]);
    }
    return { draft: appendEntries('t', draft, added.draft.entries), children: added.children };
  });
  assert.equal(rounds, 2);
  const index = await readIndex(store, await store.resolve('x'));
  assert.deepEqual(
    index.manifests.map((entry) => entry.platform?.architecture),
    ['amd64', 'riscv64', 'arm64'],
  );
  assert.equal(updated.after.descriptor.digest, (await store.resolve('x')).digest);
});

test('a change that changes nothing keeps the bytes, however somebody else laid them out', async () => {
  const { amd64, plan } = await twoImages();
  const { store } = amd64;
  const { entries } = planCreate('t', [amd64.source]).draft;
  const bytes = Buffer.from(`{"manifests":${JSON.stringify(entries)}, "x":1e2,"schemaVersion":2}\n`);
  const descriptor = { mediaType: plan.draft.mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  await store.tag(descriptor, 'x');
  const index = { name: 't', store, reference: 'x' };
  const same = await updateIndex(index, (draft) => ({ draft: appendEntries('t', draft, entries) }));
  assert.deepEqual(same.after.bytes, bytes);
  assert.deepEqual((await store.resolve('x')).digest, descriptor.digest);
});
