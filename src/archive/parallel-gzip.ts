import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';
import { abortReason } from '../lib/errors.ts';

export interface ParallelGzipOptions {
  /** 0–9. Default 6, as gzip and Docker. */
  level?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Input bytes that one task compresses. Part of the format, in effect: another size gives other bytes. */
export const gzipBlockBytes = 256 * 1024;
const windowBytes = 32 * 1024;
/** Blocks on their way at once: enough for libuv's four threads while the main thread reads. */
const maxInFlight = 12;

/** RFC 1952: deflate, no flags, no time, no extra flags, "unknown" OS. */
const memberHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty, final block of fixed codes (RFC 1951, 3.2.6). */
const finalBlock = Buffer.from([0x03, 0x00]);

/**
 * One gzip member whose deflate blocks are made side by side: the input is cut at fixed offsets, each piece ends at a byte boundary (sync
 * flush) and starts with the 32 KiB before it as its dictionary. What comes out depends on the input and level only, not on how the input was
 * chunked, on time or on cores.
 */
export class ParallelGzip {
  readonly #write: (bytes: Buffer) => void;
  readonly #level: number;
  readonly #signal: AbortSignal | undefined;
  #block: Buffer = Buffer.allocUnsafe(gzipBlockBytes);
  #filled = 0;
  /** Blocks that are compressed, to be filled again: new ones would drive the garbage collector. */
  readonly #free: Buffer[] = [];
  /** A copy: the block that it comes from may be filled again. */
  #dictionary: Buffer | undefined;
  #crc = 0;
  #total = 0;
  #queue: Promise<Buffer>[] = [];

  /** `write` gets the compressed bytes, in order. */
  constructor(write: (bytes: Buffer) => void, options: ParallelGzipOptions = {}) {
    this.#write = write;
    this.#level = options.level ?? 6;
    this.#signal = options.signal;
  }

  /** Copies `bytes`. When it returns a promise, wait for it before the next call: that is the backpressure. */
  push(bytes: Buffer): Promise<void> | undefined {
    let at = 0;
    while (at < bytes.length) {
      const copied = bytes.copy(this.#block, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled === gzipBlockBytes) this.#submit();
    }
    return this.#queue.length > maxInFlight ? this.#drain(maxInFlight / 2) : undefined;
  }

  async finish(): Promise<void> {
    if (this.#total === 0) {
      // All of it in one block: not worth a trip to another thread.
      this.#write(memberHeader);
      const options = this.#options();
      if (this.#filled > 0) this.#write(deflateRawSync(this.#take(), options));
    } else {
      if (this.#filled > 0) this.#submit();
      await this.#drain(0);
    }
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#total % 0x1_0000_0000, 4);
    this.#write(Buffer.concat([finalBlock, trailer]));
  }

  #submit(): void {
    if (this.#total === 0) this.#write(memberHeader);
    const options = this.#options();
    const block = this.#take();
    const task = new Promise<Buffer>((resolve, reject) => {
      deflateRaw(block, options, (error, result) => {
        if (error) return reject(error);
        if (block.length === gzipBlockBytes) this.#free.push(block);
        resolve(result);
      });
    });
    // A later failure is told by the one who waits for it; without this, one that nobody comes to would end the process.
    task.catch(() => {});
    this.#queue.push(task);
  }

  #options(): ZlibOptions {
    return {
      level: this.#level,
      finishFlush: constants.Z_SYNC_FLUSH,
      // Room for the whole result, so that a task is one trip to a thread.
      chunkSize: this.#filled + 4096,
      ...(this.#dictionary && { dictionary: this.#dictionary }),
    };
  }

  #take(): Buffer {
    const block = this.#block.subarray(0, this.#filled);
    this.#crc = crc32(block, this.#crc);
    this.#total += block.length;
    this.#dictionary = Buffer.from(block.subarray(Math.max(0, block.length - windowBytes)));
    this.#block = this.#free.pop() ?? Buffer.allocUnsafeSlow(gzipBlockBytes);
    this.#filled = 0;
    return block;
  }

  async #drain(target: number): Promise<void> {
    while (this.#queue.length > target) {
      const task = this.#queue.shift() as Promise<Buffer>;
      this.#write(await task);
      if (this.#signal?.aborted) throw abortReason(this.#signal);
    }
  }
}
