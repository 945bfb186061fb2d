import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { sniffCompression } from '../../archive/decompress.ts';
import { readLayer } from '../../archive/read-layer.ts';
import type { IoOptions } from '../../content/store.ts';
import { finishDigest } from '../../lib/digest.ts';
import { failure, reasonOf } from '../../lib/errors.ts';
import type { Layer } from '../../oci/descriptor.ts';
import { mediaTypes } from '../../oci/media-types.ts';

/** A layer and the file that has its bytes. */
export interface FileLayer extends Layer {
  readonly path: string;
}

/** A tar as a layer: compressed as it is, a plain one with gzip into `scratch`. ARCHIVE when it is no tar. */
export async function layerFromFile(
  path: string,
  scratch: string,
  options: IoOptions = {},
): Promise<FileLayer> {
  const compression = sniffCompression(await firstBytes(path));
  const blob = compression === 'none' ? join(scratch, `${layers++}.tar.gz`) : path;
  if (compression === 'none') {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(blob, { flags: 'wx' }), {
      signal: options.signal,
    });
  }
  const hash = createHash('sha256');
  let size = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const source = createReadStream(blob);
  source.on('error', (error) => counted.destroy(error));
  const nothing = { entry: () => {}, data: () => {}, end: () => {} };
  const diffId = await readLayer(source.pipe(counted), nothing, { signal: options.signal, source: path });
  const mediaType = compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
  return { path: blob, diffId, descriptor: { mediaType, digest: finishDigest(hash), size } };
}

let layers = 0;

async function firstBytes(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw failure(missing ? 'NOT_FOUND' : 'STORE', 'read', path, reasonOf(error), { cause: error });
  }
}
