import { randomFillSync } from 'node:crypto';
import { Readable } from 'node:stream';

import { contentFromBytes } from '../src/content/content.ts';
import { LayoutStore } from '../src/content/layout/layout-store.ts';
import { digestOf } from '../src/lib/digest.ts';
import type { Descriptor } from '../src/oci/descriptor.ts';
import { mediaTypes } from '../src/oci/media-types.ts';

const mebibyte = 2 ** 20;

/** Bytes that do not compress and come from no disk. */
export function randomStream(mebibytes: number): Readable {
  return Readable.from(
    (function* () {
      for (let piece = 0; piece < mebibytes; piece++) yield randomFillSync(Buffer.allocUnsafeSlow(mebibyte));
    })(),
    { objectMode: false, highWaterMark: mebibyte },
  );
}

/** `oci:directory:1`: an image of `layers` layers of `mebibytes` each, which share nothing. */
export async function writeLargeImage(
  directory: string,
  { layers: count, mebibytes }: { readonly layers: number; readonly mebibytes: number },
): Promise<void> {
  const store = await LayoutStore.open(directory, { create: true });
  const put = async (mediaType: string, value: unknown): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(value));
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const layers: Descriptor[] = [];
  for (let number = 0; number < count; number++)
    layers.push(await store.ingest(mediaTypes.ociLayer, randomStream(mebibytes)));
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = await put(mediaTypes.ociConfig, { architecture: 'amd64', os: 'linux', rootfs });
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  await store.tag(await put(mediaTypes.ociManifest, manifest), '1');
}
