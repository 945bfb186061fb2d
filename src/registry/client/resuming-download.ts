import { Readable } from 'node:stream';
import type { IoOptions } from '../../content/store.ts';
import { failure, isFailure, type PolyarchError, reasonOf } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { OnRegistryEvent } from './events.ts';
import { discard, type HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { asFailure } from './network-failure.ts';
import { backoff, sleep } from './retry.ts';
import { stalled, watchedBody } from './watched-body.ts';

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
  return Readable.from(chunksOf(first, descriptor, options), {
    objectMode: false,
    highWaterMark: 256 * 1024,
  });
}

async function* chunksOf(
  first: HttpResponse,
  descriptor: Descriptor,
  options: ResumeOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const { from = 0 } = options;
  let response = first;
  let offset = from;
  let failures = 0;
  try {
    if (from > 0) await skipTo(from, response, descriptor);
    for (;;) {
      let reason: PolyarchError | undefined;
      try {
        for await (const chunk of watchedBody(response, options.signal)) {
          offset += chunk.length;
          failures = 0;
          yield chunk;
        }
        if (offset >= descriptor.size) return;
        checkWhole(response, descriptor);
        reason = failure('NETWORK', 'download', descriptor.digest, 'the connection ended too soon', {
          retryable: true,
        });
      } catch (error) {
        if (!isFailure(error) || !error.retryable) throw error;
        reason = error;
      }
      response.body.destroy();
      failures++;
      if (failures >= (options.attempts ?? limits.attempts)) throw reason;
      options.onEvent?.({
        type: 'resume',
        direction: 'download',
        digest: descriptor.digest,
        offset,
        reason: reasonOf(reason),
      });
      await sleep(backoff(failures, options.pace), options.signal);
      response = await options.reopen(offset);
      await skipTo(offset, response, descriptor);
    }
  } finally {
    response.body.destroy();
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
