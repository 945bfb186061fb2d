import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { digestOf } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { contentFrom, contentFromBytes, contentFromStream } from './content.ts';
import { MemoryStore } from './memory-store.ts';
import { collect } from './read-manifest.ts';
import {
  canDelete,
  canIngest,
  canListTags,
  canReadRange,
  canUntag,
  isFileBacked,
  type Store,
  type TagLister,
} from './store.ts';
import { verified } from './verify.ts';

export interface StoreFixture {
  readonly store: Store;
  close(): Promise<void>;
}

/** A manifest with one layer, as bytes with their descriptors. */
export function sampleImage(seed = randomBytes(8).toString('hex')): {
  config: Buffer;
  layer: Buffer;
  manifest: Buffer;
  descriptors: { config: Descriptor; layer: Descriptor; manifest: Descriptor };
} {
  const describeBytes = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const layer = Buffer.from(`layer ${seed}`.repeat(1000));
  const rootfs = { type: 'layers', diff_ids: [digestOf(layer)] };
  const config = Buffer.from(
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs, config: { Labels: { seed } } }),
  );
  const descriptors = {
    config: describeBytes(mediaTypes.ociConfig, config),
    layer: describeBytes(mediaTypes.ociLayer, layer),
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptors.config,
      layers: [descriptors.layer],
    }),
  );
  return {
    config,
    layer,
    manifest,
    descriptors: { ...descriptors, manifest: describeBytes(mediaTypes.ociManifest, manifest) },
  };
}

async function pushImage(store: Store, image = sampleImage()) {
  await Promise.all([
    store.push(image.descriptors.config, contentFromBytes(image.config)),
    store.push(image.descriptors.layer, contentFromBytes(image.layer)),
  ]);
  await store.push(image.descriptors.manifest, contentFromBytes(image.manifest));
  return image;
}

export async function sortedTags(store: TagLister): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of store.listTags()) tags.push(tag);
  return tags.sort((a, b) => (a < b ? -1 : 1));
}

const plain = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });

/**
 * What every store gives back, also one that is only read: `open` gives a store with what `fill` put into it, in whichever way it gets there.
 */
export function readSuite(
  name: string,
  open: (fill: (store: Store) => Promise<void>) => Promise<StoreFixture>,
): void {
  const missing = { code: 'NOT_FOUND' };
  const filled =
    (fill: (store: Store) => Promise<void>, work: (store: Store) => Promise<void>) => async () => {
      const { store, close } = await open(fill);
      try {
        await work(store);
      } finally {
        await close();
      }
    };

  describe(`${name}, read`, () => {
    const image = sampleImage();
    const { layer, manifest } = image.descriptors;
    const tagged = async (store: Store): Promise<void> => {
      await pushImage(store, image);
      await store.tag(manifest, 'b');
      await store.tag(manifest, 'a');
    };

    const contents = [Buffer.alloc(0), Buffer.from('x'), randomBytes(600_001)].map((bytes) => ({
      bytes,
      descriptor: { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length },
    }));
    test(
      'gives back what was put into it, empty and large',
      filled(
        async (store) => {
          for (const { bytes, descriptor } of contents) await store.push(descriptor, contentFromBytes(bytes));
        },
        async (store) => {
          for (const { bytes, descriptor } of contents) {
            assert.equal(await store.exists(descriptor), true);
            assert.ok(bytes.equals(await collect(await store.fetch(descriptor))));
          }
          assert.equal(await store.exists(layer), false);
        },
      ),
    );

    test(
      'resolves tags and digests, and says NOT_FOUND for what it has not',
      filled(tagged, async (store) => {
        assert.deepEqual(plain(await store.resolve('a')), manifest);
        assert.deepEqual(plain(await store.resolve(manifest.digest)), manifest);
        const other = sampleImage().descriptors;
        await assert.rejects(store.resolve('nothing'), missing);
        await assert.rejects(store.resolve(other.manifest.digest), missing);
        await assert.rejects(async () => await collect(await store.fetch(other.layer)), missing);
      }),
    );

    test(
      'is a source of a copy, from the middle too, and stops when it is aborted',
      filled(tagged, async (store) => {
        const memory = new MemoryStore();
        for (const descriptor of Object.values(image.descriptors))
          await memory.push(descriptor, contentFrom(store, descriptor));
        const rest = await contentFrom(store, layer).open(10);
        assert.ok(image.layer.subarray(10).equals(await collect(rest)));
        await assert.rejects(async () => await store.fetch(layer, { signal: AbortSignal.abort() }), {
          code: 'INTERRUPTED',
        });
      }),
    );

    test(
      'reads ranges and lists tags where it can',
      filled(tagged, async (store) => {
        if (canReadRange(store)) {
          assert.equal(
            String(await collect(await store.fetchRange(layer, 2, 3))),
            String(image.layer.subarray(2, 5)),
          );
          await assert.rejects(
            async () => await collect(await store.fetchRange({ ...layer, digest: digestOf('none') }, 0, 1)),
            missing,
          );
        }
        if (canListTags(store)) assert.deepEqual(await sortedTags(store), ['a', 'b']);
      }),
    );
  });
}

/** What every store promises (`store.ts`). `open` gives an empty store; a capability is tried when the store has it. */
export function storeSuite(name: string, open: () => Promise<StoreFixture>): void {
  readSuite(name, async (fill) => {
    const fixture = await open();
    await fill(fixture.store);
    return fixture;
  });
  const withStore = (work: (store: Store) => Promise<void>) => async () => {
    const { store, close } = await open();
    try {
      await work(store);
    } finally {
      await close();
    }
  };
  const wrong = { code: 'CONTENT_INVALID' };
  const missing = { code: 'NOT_FOUND' };

  describe(`${name} as a store`, () => {
    test(
      'takes sha512 content',
      withStore(async (store) => {
        const bytes = Buffer.from('sha512 content');
        const descriptor = {
          mediaType: mediaTypes.ociLayer,
          digest: digestOf(bytes, 'sha512'),
          size: bytes.length,
        };
        await store.push(descriptor, contentFromBytes(bytes));
        assert.ok(bytes.equals(await collect(await store.fetch(descriptor))));
      }),
    );

    test(
      'stores nothing that is wrong, short or long',
      withStore(async (store) => {
        const { layer, descriptors } = sampleImage();
        const short = layer.subarray(1);
        for (const bytes of [
          short,
          Buffer.concat([layer, short]),
          Buffer.concat([short, Buffer.from('!')]),
        ]) {
          await assert.rejects(store.push(descriptors.layer, contentFromBytes(bytes)), wrong);
          assert.equal(await store.exists(descriptors.layer), false);
        }
        await store.push(descriptors.layer, contentFromBytes(layer));
      }),
    );

    test(
      'stores nothing of a stream that breaks, and takes the whole one after it',
      withStore(async (store) => {
        const { layer, descriptors } = sampleImage();
        const broken = Readable.from(
          (function* () {
            yield layer.subarray(0, 100);
            throw new Error('the source broke');
          })(),
        );
        await assert.rejects(store.push(descriptors.layer, contentFromStream(broken)));
        assert.equal(await store.exists(descriptors.layer), false);
        await store.push(descriptors.layer, contentFromBytes(layer));
        assert.equal(await store.exists(descriptors.layer), true);
      }),
    );

    test(
      'fails for a stream that breaks before it is read',
      withStore(async (store) => {
        const { descriptors } = sampleImage();
        for (const through of [
          (stream: Readable) => stream,
          (stream: Readable) => verified(stream, descriptors.layer),
        ]) {
          const open = async () => {
            const stream = new Readable({ read() {} });
            process.nextTick(() => stream.destroy(new Error('the source broke')));
            return through(stream);
          };
          await assert.rejects(store.push(descriptors.layer, { open }));
          assert.equal(await store.exists(descriptors.layer), false);
        }
      }),
    );

    test(
      'does not read content that it has',
      withStore(async (store) => {
        const { layer, descriptors } = sampleImage();
        await store.push(descriptors.layer, contentFromBytes(layer));
        await store.push(descriptors.layer, { open: () => Promise.reject(new Error('it was opened')) });
      }),
    );

    test(
      'takes the same content from several at once',
      withStore(async (store) => {
        const { layer, descriptors } = sampleImage();
        await Promise.all(
          Array.from({ length: 5 }, () => store.push(descriptors.layer, contentFromBytes(layer))),
        );
        assert.ok(layer.equals(await collect(await store.fetch(descriptors.layer))));
      }),
    );

    test(
      'tags, moves a tag, resolves tags and digests',
      withStore(async (store) => {
        const [first, second] = [await pushImage(store), await pushImage(store)];
        await store.tag(first.descriptors.manifest, 'latest');
        await store.tag(first.descriptors.manifest, 'v1');
        await store.tag(second.descriptors.manifest, 'latest');
        assert.deepEqual(plain(await store.resolve('latest')), second.descriptors.manifest);
        assert.deepEqual(plain(await store.resolve('v1')), first.descriptors.manifest);
        const { digest } = first.descriptors.manifest;
        assert.deepEqual(plain(await store.resolve(digest)), first.descriptors.manifest);
        assert.ok(first.manifest.equals(await collect(await store.fetch(first.descriptors.manifest))));
      }),
    );

    test(
      'says NOT_FOUND for what it has not',
      withStore(async (store) => {
        const { descriptors } = sampleImage();
        await assert.rejects(store.resolve('nothing'), missing);
        await assert.rejects(store.resolve(descriptors.manifest.digest), missing);
        await assert.rejects(store.tag(descriptors.manifest, 'v1'), missing);
        await assert.rejects(async () => await collect(await store.fetch(descriptors.layer)), missing);
        await assert.rejects(async () => await collect(await store.fetch(descriptors.manifest)), missing);
      }),
    );

    test(
      'stops when it is aborted',
      withStore(async (store) => {
        const { layer, descriptors } = sampleImage();
        await assert.rejects(
          store.push(descriptors.layer, contentFromBytes(layer), { signal: AbortSignal.abort() }),
          {
            code: 'INTERRUPTED',
          },
        );
        const controller = new AbortController();
        const endless = new Readable({ read() {} });
        endless.push(layer.subarray(0, 10));
        const pushing = store.push(descriptors.layer, contentFromStream(endless), {
          signal: controller.signal,
        });
        setTimeout(() => controller.abort(), 20);
        await assert.rejects(pushing, { code: 'INTERRUPTED' });
        assert.equal(await store.exists(descriptors.layer), false);
      }),
    );

    test(
      'ingests, untags and deletes where it can',
      withStore(async (store) => {
        const image = await pushImage(store);
        const { layer, manifest } = image.descriptors;
        if (canIngest(store)) {
          const found = await store.ingest(
            mediaTypes.ociLayer,
            Readable.from([Buffer.from('a'), Buffer.from('b')]),
          );
          assert.deepEqual(found, { mediaType: mediaTypes.ociLayer, digest: digestOf('ab'), size: 2 });
          assert.equal(await store.exists(found), true);
        }
        if (isFileBacked(store)) assert.ok(store.blobPath(layer.digest).startsWith('/'));
        await store.tag(manifest, 'b');
        await store.tag(manifest, 'a');
        if (canUntag(store)) {
          await store.untag('a');
          await assert.rejects(store.resolve('a'), missing);
          await assert.rejects(store.untag('a'), missing);
          assert.deepEqual(plain(await store.resolve('b')), manifest);
        }
        if (canDelete(store)) {
          await store.delete(manifest);
          await assert.rejects(store.resolve('b'), missing);
          await assert.rejects(store.resolve(manifest.digest), missing);
          await assert.rejects(store.delete(manifest), missing);
        }
      }),
    );
  });
}
