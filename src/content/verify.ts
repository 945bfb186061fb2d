import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { isLent } from '../lib/chunk-pool.ts';
import { algorithmOf, type Digest, finishDigest } from '../lib/digest.ts';
import { abortReason, failure, type PolyarchError, throwIfAborted } from '../lib/errors.ts';
import { chunkPassed } from '../lib/young-garbage.ts';
import type { IoOptions } from './store.ts';

/** For content that is not what its descriptor says. */
export const damagedHint = 'what it comes from is damaged: copy it from elsewhere, or push it there again';

/** The two fields of a descriptor that bytes can be held against. */
export interface Expected {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/**
 * Holds bytes against a descriptor as they pass. Both methods throw CONTENT_INVALID: `add` for a byte too many and, with the chunk that
 * reaches the size, for a wrong digest, so that a sink that asks first never takes the last chunk of wrong content; `end` for missing bytes.
 */
export class Verifier {
  readonly #expected: Expected;
  /** Gone once the digest was compared. */
  #hash: Hash | undefined;
  #seen = 0;

  constructor(expected: Expected) {
    this.#expected = expected;
    this.#hash = createHash(algorithmOf(expected.digest));
  }

  add(chunk: Uint8Array): void {
    this.#seen += chunk.length;
    if (this.#seen > this.#expected.size) {
      throw this.#invalid(`more than the ${this.#expected.size} bytes that its descriptor says`);
    }
    this.#hash?.update(chunk);
    if (this.#seen === this.#expected.size) this.#compare();
  }

  end(): void {
    if (this.#seen < this.#expected.size) {
      throw this.#invalid(`ended after ${this.#seen} of ${this.#expected.size} bytes`);
    }
    this.#compare();
  }

  #compare(): void {
    if (!this.#hash) return;
    const actual = finishDigest(this.#hash, algorithmOf(this.#expected.digest));
    if (actual !== this.#expected.digest) throw this.#invalid(`its bytes have the digest ${actual}`);
    this.#hash = undefined;
  }

  #invalid(what: string): PolyarchError {
    return failure('CONTENT_INVALID', 'verify', this.#expected.digest, what, { hint: damagedHint });
  }
}

export interface VerifyOptions extends IoOptions {
  /** What an error of the source becomes. Default: passed on as it is. */
  sourceError?: ((error: Error) => Error) | undefined;
}

/**
 * `source` through the verifying stream: errors with CONTENT_INVALID, before its end and before its last chunk, when size or digest differ.
 * One Readable over the source, not a Transform: half the buffering, and the chunks are passed on as they came. A source that is such a
 * stream already is given back.
 */
export function verified(source: Readable, expected: Expected, options: VerifyOptions = {}): Readable {
  if (options.sourceError === undefined && isVerifiedAs(source, expected)) return source;
  return new VerifyingStream(source, expected, options);
}

/** Whether a stream errors, before its end and before its last chunk, unless its bytes are `expected`: whoever stores them need not hash again. */
export function isVerifiedAs(stream: Readable, expected: Expected): boolean {
  return stream instanceof VerifyingStream && stream.verifies(expected);
}

class VerifyingStream extends Readable {
  readonly #source: Readable;
  readonly #expected: Expected;
  readonly #verifier: Verifier;
  readonly #options: VerifyOptions;
  readonly #onAbort = (): void => {
    const { signal } = this.#options;
    if (signal) this.destroy(abortReason(signal));
  };

  constructor(source: Readable, expected: Expected, options: VerifyOptions) {
    super({ highWaterMark: source.readableHighWaterMark });
    this.#source = source;
    this.#options = options;
    this.#expected = expected;
    this.#verifier = new Verifier(expected);
    // Whoever reads it may begin later, and learns of it then: a bare event would end the process.
    this.on('error', () => {});
    source.on('error', (error) => this.destroy(options.sourceError?.(error) ?? error));
    source.on('end', () => this.#finish());
    source.on('close', () => this.#finish());
    try {
      throwIfAborted(options.signal);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    source.on('data', (chunk: Buffer) => this.#pass(chunk));
    source.pause();
    if (source.destroyed) process.nextTick(() => this.destroy(source.errored ?? this.#cut()));
  }

  /** Only of one that has given nothing yet: what was read before is not what is stored. */
  verifies({ digest, size }: Expected): boolean {
    return !this.readableDidRead && digest === this.#expected.digest && size === this.#expected.size;
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#source.destroy();
    callback(error);
  }

  #pass(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      this.#verifier.add(chunk);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!isLent(chunk)) chunkPassed(chunk.length);
    if (!this.push(chunk)) this.#source.pause();
  }

  #cut(): Error {
    return failure(
      'CONTENT_INVALID',
      'verify',
      this.#expected.digest,
      'its stream was closed before it was read',
    );
  }

  /** A source that closes without an end was cut: the verifier says after how many bytes. */
  #finish(): void {
    if (this.destroyed || this.readableEnded) return;
    try {
      this.#verifier.end();
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}
