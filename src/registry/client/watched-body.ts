import { abortReason, failure, type PolyarchError } from '../../lib/errors.ts';
import type { HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { asFailure } from './network-failure.ts';

/** The body's chunks; errors become failures, and silence ends it. A consumer that takes its time is not silence of the registry. */
export async function* watchedBody(
  response: HttpResponse,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const { body } = response;
  const iterator = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  try {
    for (;;) {
      if (signal?.aborted) throw abortReason(signal);
      timer = setTimeout(() => body.destroy(stalled(response)), limits.stallMs);
      const next = await iterator.next();
      clearTimeout(timer);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    throw asFailure(error, response.url);
  } finally {
    clearTimeout(timer);
  }
}

export function stalled(response: HttpResponse): PolyarchError {
  return failure(
    'NETWORK',
    'read from',
    response.url.origin,
    `no data for ${limits.stallMs / 1000} seconds`,
    { retryable: true },
  );
}

/** The body when it is at most `limit` bytes, else undefined: the rest is never read. NETWORK when it breaks or is cut off. */
export async function readBody(
  response: HttpResponse,
  limit: number,
  signal?: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of watchedBody(response, signal)) {
    size += chunk.length;
    if (size > limit) {
      response.body.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
