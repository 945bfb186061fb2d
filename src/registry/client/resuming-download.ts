import { Readable } from 'node:stream';
import type { IoOptions } from '../../content/store.ts';
import { damagedHint } from '../../content/verify.ts';
import { abortReason, failure, isFailure, type PolyarchError, reasonOf } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { OnRegistryEvent } from './events.ts';
import { discard, type HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { asFailure } from './network-failure.ts';
import { backoff, sleep } from './retry.ts';
import { stalled } from './watched-body.ts';

export interface ResumeOptions extends IoOptions {
  readonly onEvent?: OnRegistryEvent | undefined;
  readonly pace?: number | undefined;
  /** Tries without a byte of progress. Default `limits.attempts`. */
  readonly attempts?: number | undefined;
  /** How many of the blob's bytes are left out. Default none. */
  readonly from?: number | undefined;
  /** Asks for the blob from `offset` bytes on; gives 200 or 206, throws for anything else. */
  readonly reopen: (offset: number) => Promise<HttpResponse>;
}

/**
 * A blob's bytes from an open answer, which is for the bytes from `options.from` on. When the connection breaks, it asks for the rest by Range and goes on. Tries count anew after each
 * byte of progress, so that a large blob survives many breaks and a dead registry ends soon. Not verified: that is the verifying
 * stream's, around this one.
 */
export function resumingDownload(
  first: HttpResponse,
  descriptor: Descriptor,
  options: ResumeOptions,
): Readable {
  return new ResumingDownload(first, descriptor, options);
}

/** Passes chunks on by events: with a promise or two for each of the 64 KiB that a socket gives at once, a copy takes half as long again. */
class ResumingDownload extends Readable {
  readonly #descriptor: Descriptor;
  readonly #options: ResumeOptions;
  #response: HttpResponse;
  #offset: number;
  #failures = 0;
  /** Runs while the registry is waited for. */
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  readonly #onAbort = (): void => {
    const { signal } = this.#options;
    if (signal) this.destroy(abortReason(signal));
  };

  constructor(first: HttpResponse, descriptor: Descriptor, options: ResumeOptions) {
    super({ highWaterMark: 256 * 1024 });
    this.#response = first;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#offset = options.from ?? 0;
    const { signal } = options;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#follow(this.#offset).catch((error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#wanted = true;
    this.#response.body.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#response.body.on('error', () => {});
    this.#response.body.destroy();
    callback(error);
  }

  /** Takes the response's bytes, which are put at `offset` first. */
  async #follow(offset: number): Promise<void> {
    const response = this.#response;
    const { body } = response;
    if (offset > 0) await skipTo(offset, response, this.#descriptor);
    if (this.destroyed) return;
    let over = false;
    const end = (failed?: unknown): void => {
      if (!over) this.#ended(response, failed);
      over = true;
    };
    body.on('data', (chunk: Buffer) => this.#pass(chunk, response));
    body.on('error', end);
    body.on('end', () => end());
    // One that was destroyed closes without an end.
    body.on('close', () => end(body.errored ?? undefined));
    if (!this.#wanted) body.pause();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silent(response), limits.stallMs);
    if (body.closed) end(body.errored ?? undefined);
  }

  #pass(chunk: Buffer, response: HttpResponse): void {
    if (this.destroyed || response !== this.#response) return;
    this.#offset += chunk.length;
    this.#failures = 0;
    this.#timer?.refresh();
    if (this.push(chunk)) return;
    this.#wanted = false;
    response.body.pause();
  }

  /** A consumer that takes its time is not silence of the registry. */
  #silent(response: HttpResponse): void {
    if (this.#wanted) response.body.destroy(stalled(response));
    else this.#timer?.refresh();
  }

  #ended(response: HttpResponse, failed: unknown): void {
    if (this.destroyed || response !== this.#response || this.readableEnded) return;
    clearTimeout(this.#timer);
    const { size, digest } = this.#descriptor;
    try {
      if (failed === undefined && this.#offset >= size) {
        this.push(null);
        return;
      }
      if (failed === undefined && response.body.readableEnded) checkWhole(response, this.#descriptor);
      const reason =
        failed === undefined
          ? failure('NETWORK', 'download', digest, 'the connection ended too soon', { retryable: true })
          : asFailure(failed, response.url);
      if (!isFailure(reason) || !reason.retryable) throw reason;
      this.#goOn(reason).catch((error: Error) => this.destroy(error));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  async #goOn(reason: PolyarchError): Promise<void> {
    const { attempts = limits.attempts, onEvent, pace, signal, reopen } = this.#options;
    this.#failures++;
    if (this.#failures >= attempts) throw reason;
    const { digest } = this.#descriptor;
    onEvent?.({
      type: 'resume',
      direction: 'download',
      digest,
      offset: this.#offset,
      reason: reasonOf(reason),
    });
    await sleep(backoff(this.#failures, pace), signal);
    if (this.destroyed) return;
    const response = await reopen(this.#offset);
    if (this.destroyed) {
      discard(response);
      return;
    }
    this.#response = response;
    await this.#follow(this.#offset);
  }
}

/** CONTENT_INVALID when the answer ended where it said that it would: the blob is shorter than its descriptor says. */
function checkWhole({ status, headers }: HttpResponse, descriptor: Descriptor): void {
  const text =
    status === 206 ? /\/(\d{1,15})$/.exec(headers['content-range'] ?? '')?.[1] : headers['content-length'];
  const total = text === undefined ? Number.NaN : Number(text);
  if (!(total < descriptor.size)) return;
  throw failure(
    'CONTENT_INVALID',
    'download',
    descriptor.digest,
    `the registry has ${total} bytes of it, its descriptor says ${descriptor.size}`,
    { hint: damagedHint },
  );
}

/** Leaves `response.body` at `offset`: a 206 says where it starts, a 200 starts at the beginning again. */
async function skipTo(offset: number, response: HttpResponse, descriptor: Descriptor): Promise<void> {
  if (response.status === 206) {
    const start = /^bytes (\d{1,15})-/.exec(response.headers['content-range'] ?? '')?.[1];
    if (Number(start) === offset) return;
    discard(response);
    throw failure(
      'REGISTRY',
      'download',
      descriptor.digest,
      'the registry answered another range than was asked for',
    );
  }
  let left = offset;
  while (left > 0) {
    const chunk = await nextChunk(response);
    if (chunk === undefined) throw failure('REGISTRY', 'download', descriptor.digest, 'it became shorter');
    if (chunk.length > left) response.body.unshift(chunk.subarray(left));
    left -= Math.min(left, chunk.length);
  }
}

function nextChunk(response: HttpResponse): Promise<Buffer | undefined> {
  const { body } = response;
  return new Promise((resolve, reject) => {
    const step = (): void => {
      const chunk = body.read() as Buffer | null;
      if (chunk !== null) done(() => resolve(chunk));
    };
    const end = (): void => done(() => resolve(undefined));
    const fail = (error: unknown): void => done(() => reject(asFailure(error, response.url)));
    const done = (settle: () => void): void => {
      clearTimeout(timer);
      body.off('readable', step).off('end', end).off('error', fail).off('close', end);
      settle();
    };
    const timer = setTimeout(() => body.destroy(stalled(response)), limits.stallMs);
    body.on('readable', step).on('end', end).on('error', fail).on('close', end);
    step();
  });
}
