import { Readable } from 'node:stream';
import { createZstdCompress } from 'node:zlib';
import { decompress, sniffCompression } from '../../archive/decompress.ts';
import { ParallelGzip } from '../../archive/parallel-gzip.ts';
import type { Ingester, IoOptions, Store } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';

export type LayerCompression = 'gzip' | 'zstd' | 'none';

const typeOf: Readonly<Record<LayerCompression, string>> = {
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  none: mediaTypes.ociLayer,
};

/** By its media type; undefined for what is no plain layer of an image (foreign layers, attestations, artifacts). */
export function compressionOf({ mediaType }: Descriptor): LayerCompression | undefined {
  if (mediaType.includes('nondistributable') || mediaType.includes('.foreign.')) return undefined;
  if (mediaType === mediaTypes.ociLayer || mediaType === 'application/vnd.docker.image.rootfs.diff.tar')
    return 'none';
  if (mediaType === mediaTypes.ociLayerGzip || mediaType === mediaTypes.dockerLayerGzip) return 'gzip';
  if (mediaType === mediaTypes.ociLayerZstd || mediaType.endsWith('.diff.tar.zstd')) return 'zstd';
  return undefined;
}

/**
 * A layer's tar, compressed anew into `layers`; its diff id stays. The descriptor speaks OCI. A layer whose bytes are already so, whatever its
 * media type says, is not touched: undefined.
 */
export async function recompress(
  source: Store,
  layer: Descriptor,
  compression: LayerCompression,
  layers: Store & Ingester,
  options: IoOptions = {},
): Promise<Descriptor | undefined> {
  const blob = await source.fetch(layer, options);
  let first: Buffer | undefined;
  const watched = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of blob) {
      first ??= chunk as Buffer;
      yield chunk as Buffer;
    }
  };
  try {
    const tar = decompress(watched(), { ...options, source: layer.digest });
    const start = await tar.next();
    if (first && sniffCompression(first) === compression) return undefined;
    const whole = async function* (): AsyncGenerator<Buffer> {
      if (!start.done) yield start.value;
      yield* tar;
    };
    const made = await layers.ingest(
      typeOf[compression],
      Readable.from(compressed(whole(), compression, options), { objectMode: false }),
      options,
    );
    const { annotations, platform } = layer;
    return { ...made, ...(annotations && { annotations }), ...(platform && { platform }) };
  } finally {
    blob.destroy();
  }
}

async function* compressed(
  tar: AsyncIterable<Buffer>,
  compression: LayerCompression,
  options: IoOptions,
): AsyncGenerator<Buffer> {
  if (compression === 'none') yield* tar;
  else if (compression === 'gzip') yield* gzipped(tar, options);
  else yield* zstdCompressed(tar);
}

async function* gzipped(tar: AsyncIterable<Buffer>, { signal }: IoOptions): AsyncGenerator<Buffer> {
  const ready: Buffer[] = [];
  const gzip = new ParallelGzip((bytes) => ready.push(bytes), { signal });
  for await (const chunk of tar) {
    await gzip.push(chunk);
    yield* ready.splice(0);
  }
  await gzip.finish();
  yield* ready.splice(0);
}

/** One write at a time: with more of them queued, Node's stream adds empty frames, and the digest depends on timing. */
async function* zstdCompressed(tar: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const stream = createZstdCompress();
  const ready: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => ready.push(chunk));
  const failed = new Promise<never>((_resolve, reject) => stream.once('error', reject));
  failed.catch(() => {});
  try {
    for await (const chunk of tar) {
      await Promise.race([new Promise<void>((resolve) => stream.write(chunk, () => resolve())), failed]);
      yield* ready.splice(0);
    }
    const ended = new Promise<void>((resolve) => stream.once('end', resolve));
    stream.end();
    await Promise.race([ended, failed]);
    yield* ready.splice(0);
  } finally {
    stream.destroy();
  }
}
