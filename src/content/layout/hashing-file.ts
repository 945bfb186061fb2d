import { createHash, type Hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { finished, type Readable } from 'node:stream';
import { giveBack, isLent } from '../../lib/chunk-pool.ts';
import { algorithmOf, type Digest, type DigestAlgorithm, finishDigest } from '../../lib/digest.ts';

/** Bytes that may wait for the disk before the source is held back. Few: a chunk that waits for long leaves V8's young generation, and is collected late. */
const queuedBytesLimit = 1024 * 1024;

/**
 * A new file that is hashed as it is written. Hashing (here) and writing (the thread pool) overlap, and what gathers during one write goes
 * out with the next as one call.
 */
export class HashingFile {
  readonly path: string;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  /** The digest that whoever gives the bytes makes sure of. */
  #known: Digest | undefined;
  readonly #handle: FileHandle;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #flushing: Promise<void> | undefined;
  #bytes = 0;

  private constructor(
    path: string,
    handle: FileHandle,
    algorithm: DigestAlgorithm,
    hash: Hash,
    bytes: number,
  ) {
    this.path = path;
    this.#handle = handle;
    this.#algorithm = algorithm;
    this.#hash = hash;
    this.#bytes = bytes;
  }

  static async create(path: string, algorithm: DigestAlgorithm = 'sha256'): Promise<HashingFile> {
    return new HashingFile(path, await open(path, 'wx', 0o600), algorithm, createHash(algorithm), 0);
  }

  /** For bytes that are held against `digest` before they come: they are not hashed again. */
  static async createVerified(path: string, digest: Digest): Promise<HashingFile> {
    const file = await HashingFile.create(path, algorithmOf(digest));
    file.#known = digest;
    return file;
  }

  /**
   * Goes on where `bytes` bytes with this hash state are in the file; whatever lies behind them is cut off. Undefined when it has fewer: a
   * full disk refused some that were hashed, and a gap in their place would go under a right digest.
   */
  static async resume(path: string, state: { hash: Hash; bytes: number }): Promise<HashingFile | undefined> {
    const handle = await open(path, 'r+');
    try {
      if ((await handle.stat()).size >= state.bytes) {
        await handle.truncate(state.bytes);
        return new HashingFile(path, handle, 'sha256', state.hash, state.bytes);
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** Bytes taken so far, the ones before `resume` too. */
  get bytes(): number {
    return this.#bytes;
  }

  get hash(): Hash {
    return this.#hash;
  }

  /** Takes a chunk, which nobody may read from then on; a promise when the caller should wait before the next one. Throws, or rejects then or later, when the disk does. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#known === undefined) this.#hash.update(chunk);
    if (isLent(chunk) && !this.#flushing) {
      this.#writeAtOnce(chunk);
      return undefined;
    }
    this.#bytes += chunk.length;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (!this.#flushing) {
      this.#flushing = this.#flush();
      // Whoever appends, flushes or closes next gets the error.
      this.#flushing.catch(() => {});
    }
    return this.#queuedBytes > queuedBytesLimit ? this.#flushing : undefined;
  }

  /** A queue would keep what the next read wants warm, and a write in the thread pool costs as much as the copy into the page cache. */
  #writeAtOnce(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const written = writeSync(this.#handle.fd, chunk, at, chunk.length - at, this.#bytes);
      at += written;
      this.#bytes += written;
    }
    giveBack(chunk);
  }

  /** Everything that `source` gives; it is not destroyed, so that a request can still be answered. `check` is asked with the size that the file would have, and throws to refuse it. */
  async appendAll(source: Readable, check?: (bytes: number) => void): Promise<void> {
    // By events: a promise for each chunk of 64 KiB takes as long as its hash.
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const take = (chunk: Buffer): void => {
      try {
        check?.(this.#bytes + chunk.length);
        const wait = this.append(chunk);
        if (wait === undefined) return;
        source.pause();
        wait.then(() => source.resume(), reject);
      } catch (error) {
        reject(error);
      }
    };
    const forget = finished(source, { writable: false }, (error) => (error ? reject(error) : resolve()));
    source.on('data', take);
    try {
      await promise;
    } finally {
      forget();
      source.off('data', take);
      source.pause();
    }
    await this.flushed();
  }

  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** The digest of all bytes: once, and nothing can be appended after it. */
  digest(): Digest {
    return this.#known ?? finishDigest(this.#hash, this.#algorithm);
  }

  /** Makes the bytes durable and the file read-only. */
  async seal(): Promise<void> {
    await this.flushed();
    await this.#handle.chmod(0o444);
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#flushing?.catch(() => {});
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    // `position` is kept by hand: a resumed file starts behind its first bytes.
    let position = this.#bytes - this.#queuedBytes;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      const size = this.#queuedBytes;
      this.#queue = [];
      this.#queuedBytes = 0;
      await this.#writeFully(batch, size, position);
      for (const chunk of batch) giveBack(chunk);
      position += size;
    }
    this.#flushing = undefined;
  }

  /** writev(2) may write less than it was given. */
  async #writeFully(batch: Uint8Array[], size: number, position: number): Promise<void> {
    let { bytesWritten } = await this.#handle.writev(batch, position);
    while (bytesWritten < size) {
      const rest = Buffer.concat(batch).subarray(bytesWritten);
      bytesWritten += (await this.#handle.write(rest, 0, rest.length, position + bytesWritten)).bytesWritten;
    }
  }
}
