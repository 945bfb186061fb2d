import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
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

/**
 * A tar as a layer: compressed as it is, a plain one with gzip into `scratch`; `-` is standard input. What is no file but a pipe is kept in
 * `scratch`, for it is read more than once. ARCHIVE when it is no tar.
 */
export async function layerFromFile(
  name: string,
  scratch: string,
  options: IoOptions = {},
): Promise<FileLayer> {
  const path = await filed(name, scratch, options);
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
  const read = { signal: options.signal, source: name };
  const diffId = await readLayer(source.pipe(counted), nothing, read).finally(() => source.destroy());
  const mediaType = compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
  return { path: blob, diffId, descriptor: { mediaType, digest: finishDigest(hash), size } };
}

let layers = 0;

async function filed(name: string, scratch: string, { signal }: IoOptions): Promise<string> {
  // What is not there is told by whoever opens it.
  const found = name === '-' ? undefined : await stat(name).catch(() => undefined);
  if (name !== '-' && (found?.isFile() ?? true)) return name;
  const kept = join(scratch, `${layers++}.tar`);
  const source = name === '-' ? process.stdin : createReadStream(name);
  try {
    await pipeline(source, createWriteStream(kept, { flags: 'wx' }), { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw failure('STORE', 'read', name, reasonOf(error), { cause: error });
  }
  return kept;
}

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
