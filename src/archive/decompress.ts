import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../lib/errors.ts';
import { chunkPassed } from '../lib/young-garbage.ts';
import { ZstdFrames } from './zstd-frames.ts';

export type Compression = 'gzip' | 'zstd' | 'none';

export interface DecompressOptions {
  signal?: AbortSignal | undefined;
  /** What messages call the blob. Default `layer`. */
  source?: string | undefined;
}

/** By magic number, since media types lie. `start` is the first bytes of a blob: four suffice. */
export function sniffCompression(start: Uint8Array): Compression {
  if (start.length >= 2 && start[0] === 0x1f && start[1] === 0x8b) return 'gzip';
  if (start.length < 4) return 'none';
  const magic = Buffer.from(start.buffer, start.byteOffset, 4).readUInt32LE(0);
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? 'zstd' : 'none';
}

/** Twice as fast as the default of 16 KiB, and more again with less going back and forth between threads. */
const chunkSize = 256 * 1024;

/**
 * The bytes of a blob as they were before compression. gzip members and zstd frames are joined; NULs after the last gzip member are
 * tolerated, anything else is ARCHIVE. Reads no further than the consumer does, so a bomb costs one chunk.
 */
export async function* decompress(
  blob: Readable | AsyncIterable<Buffer>,
  options: DecompressOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const source = options.source ?? 'layer';
  const input = (blob as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    const first = await firstBytes(input);
    const chunks = joined(first, input, options.signal);
    const compression = sniffCompression(first);
    if (compression === 'none') yield* chunks;
    else if (compression === 'zstd') yield* decompressZstd(chunks, source);
    else yield* decompressGzip(chunks);
  } catch (error) {
    throwIfAborted(options.signal);
    if (error instanceof PolyarchError) throw error;
    throw failure('ARCHIVE', 'decompress', source, reasonOf(error), { cause: error });
  } finally {
    await input.return?.();
  }
}

async function firstBytes(input: AsyncIterator<Buffer>): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < 4) {
    const { value, done } = await input.next();
    if (done) break;
    start = start.length === 0 ? value : Buffer.concat([start, value]);
  }
  return start;
}

async function* joined(first: Buffer, rest: AsyncIterator<Buffer>, signal: AbortSignal | undefined) {
  if (first.length > 0) yield first;
  for (;;) {
    throwIfAborted(signal);
    const { value, done } = await rest.next();
    if (done) return;
    yield value;
  }
}

async function* decompressGzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const pump = new Pump(createGunzip({ chunkSize }));
  try {
    for await (const chunk of chunks) yield* pump.write(chunk);
    yield* pump.finish();
  } finally {
    pump.destroy();
  }
}

async function* decompressZstd(chunks: AsyncIterable<Buffer>, source: string): AsyncGenerator<Buffer> {
  const frames = new ZstdFrames(source);
  let pump: Pump | undefined;
  try {
    for await (const chunk of chunks) {
      for (const { bytes, last } of frames.pieces(chunk)) {
        pump ??= new Pump(createZstdDecompress({ chunkSize }));
        yield* pump.write(bytes);
        if (!last) continue;
        yield* pump.finish();
        pump = undefined;
      }
    }
    if (!frames.complete) throw failure('ARCHIVE', 'decompress', source, 'it ends inside a frame');
  } finally {
    pump?.destroy();
  }
}

/** One write at a time through a transform, with what comes out of it; the transform waits while the output is not taken. */
class Pump {
  readonly #stream: Transform;
  #wake: () => void = () => {};
  #error: Error | undefined;
  #ended = false;

  constructor(stream: Transform) {
    this.#stream = stream;
    stream.on('readable', () => this.#wake());
    stream.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    stream.on('error', (error) => {
      this.#error = error;
      this.#wake();
    });
  }

  async *write(bytes: Buffer): AsyncGenerator<Buffer> {
    let taken = false;
    this.#stream.write(bytes, () => {
      taken = true;
      this.#wake();
    });
    yield* this.#drain(() => taken);
  }

  async *finish(): AsyncGenerator<Buffer> {
    this.#stream.end();
    yield* this.#drain(() => this.#ended);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  async *#drain(done: () => boolean): AsyncGenerator<Buffer> {
    for (;;) {
      if (this.#error) throw this.#error;
      for (let chunk = this.#stream.read(); chunk !== null; chunk = this.#stream.read()) {
        const { length } = chunk as Buffer;
        yield chunk as Buffer;
        // A new one each time: in memory that no collection has given back it costs page faults, a fourth of the time to read a layer's names.
        chunkPassed(length);
      }
      if (this.#error) throw this.#error;
      if (done()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
