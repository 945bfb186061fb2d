import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { failure } from '../lib/errors.ts';

/** A larger output chunk than Node's default halves the time of gunzip. */
const outputChunkBytes = 256 * 1024;

export type Compression = 'gzip' | 'zstd' | 'none';

/** By the first bytes: media types lie. Undefined while there are too few. */
export function sniffCompression(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return 'zstd';
  return 'none';
}

/** The plain bytes of a stream that may be compressed. Errors of either side reach the result. */
export async function decompress(stream: Readable): Promise<Readable> {
  const head = await firstBytes(stream, 4);
  const kind = sniffCompression(head);
  const decoder =
    kind === 'gzip'
      ? createGunzip({ chunkSize: outputChunkBytes })
      : kind === 'zstd'
        ? createZstdDecompress({ chunkSize: outputChunkBytes })
        : new PassThrough();
  pipeline(stream, decoder, (error) => {
    if (error && 'code' in error && /^(Z_|ERR_BUFFER|ZSTD|ERR_ZSTD)/.test(String(error.code))) {
      decoder.destroy(failure('ARCHIVE', 'decompress', kind, error.message, { cause: error }));
    } else if (error) decoder.destroy(error);
  });
  return decoder;
}

async function firstBytes(stream: Readable, count: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const cleanUp = () => {
      stream.off('readable', look);
      stream.off('end', none);
      stream.off('error', broken);
    };
    const done = (head: Buffer) => {
      cleanUp();
      if (head.length > 0) stream.unshift(head);
      resolve(head);
    };
    const look = () => {
      const head = stream.read(count) as Buffer | null;
      if (head !== null) done(head);
    };
    const none = () => {
      cleanUp();
      resolve(Buffer.alloc(0));
    };
    const broken = (error: Error) => {
      cleanUp();
      reject(error);
    };
    stream.on('readable', look);
    stream.on('end', none);
    stream.on('error', broken);
  });
}
