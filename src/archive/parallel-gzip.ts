import { constants, crc32, deflateRaw } from 'node:zlib';

/** Input of one block. Part of the format: another size gives other bytes for the same input. */
export const gzipBlockBytes = 256 * 1024;
/** Blocks that are compressed at once; Node's pool has four threads. */
const maxInFlight = 6;

/** RFC 1952: deflate, no flags, no time, no extra flags, unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * One gzip member whose blocks are compressed side by side: each is a raw deflate stream that ends in a full flush, and the last one closes it.
 * Equal input gives equal output, whatever the timing, the number of cores or the sizes that it arrives in.
 */
export class ParallelGzip {
  readonly #write: (chunk: Buffer) => Promise<void> | void;
  readonly #level: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #crc = 0;
  #size = 0;
  #queue: Promise<Buffer>[] = [];
  #begun = false;

  /** `write` takes the compressed bytes in order. `level`: zlib's, 6 by default. */
  constructor(write: (chunk: Buffer) => Promise<void> | void, options: { level?: number } = {}) {
    this.#write = write;
    this.#level = options.level ?? 6;
  }

  /** The chunk must not change until `end` resolved. */
  async add(chunk: Buffer): Promise<void> {
    this.#crc = crc32(chunk, this.#crc);
    this.#size += chunk.length;
    for (let offset = 0; offset < chunk.length; ) {
      const part = chunk.subarray(offset, offset + gzipBlockBytes - this.#pendingBytes);
      this.#pending.push(part);
      this.#pendingBytes += part.length;
      offset += part.length;
      if (this.#pendingBytes === gzipBlockBytes) await this.#cut(constants.Z_FULL_FLUSH);
    }
  }

  async end(): Promise<void> {
    await this.#cut(constants.Z_FINISH);
    while (this.#queue.length > 0) await this.#drainOne();
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc >>> 0, 0);
    trailer.writeUInt32LE(this.#size % 2 ** 32, 4);
    await this.#write(trailer);
  }

  async #cut(finishFlush: number): Promise<void> {
    const [only] = this.#pending;
    const block = this.#pending.length === 1 && only ? only : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    const compressed = new Promise<Buffer>((resolve, reject) => {
      deflateRaw(block, { level: this.#level, finishFlush, memLevel: 9 }, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    });
    // Its failure is met in order, when it is drained.
    compressed.catch(() => {});
    this.#queue.push(compressed);
    if (this.#queue.length >= maxInFlight) await this.#drainOne();
  }

  async #drainOne(): Promise<void> {
    const next = this.#queue.shift();
    if (next === undefined) return;
    const bytes = await next;
    if (!this.#begun) {
      this.#begun = true;
      await this.#write(header);
    }
    await this.#write(bytes);
  }
}
