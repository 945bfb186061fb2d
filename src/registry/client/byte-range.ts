import { Readable } from 'node:stream';
import type { IoOptions } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { discard, type HttpResponse } from './http.ts';
import { watchedBody } from './watched-body.ts';

/** `offset` to `end` (exclusive) of a blob: the body of a 206 for that range, or cut out of a registry's 200. */
export function byteRange(
  response: HttpResponse,
  descriptor: Descriptor,
  options: IoOptions & { offset: number; end: number },
): Readable {
  const { offset, end } = options;
  if (response.status === 206) {
    const start = /^bytes (\d{1,15})-/.exec(response.headers['content-range'] ?? '')?.[1];
    if (Number(start) !== offset) {
      discard(response);
      const what = 'the registry answered another range than was asked for';
      throw failure('REGISTRY', 'fetch', descriptor.digest, what);
    }
  }
  const first = response.status === 206 ? offset : 0;
  const { signal } = options;
  return Readable.from(cut(response, descriptor, { offset, end, first, signal }), { objectMode: false });
}

async function* cut(
  response: HttpResponse,
  descriptor: Descriptor,
  bounds: IoOptions & { offset: number; end: number; first: number },
): AsyncGenerator<Buffer, void, undefined> {
  let at = bounds.first;
  try {
    for await (const chunk of watchedBody(response, bounds.signal)) {
      const [from, to] = [Math.max(bounds.offset - at, 0), Math.min(bounds.end - at, chunk.length)];
      at += chunk.length;
      if (to > from) yield chunk.subarray(from, to);
      if (at >= bounds.end) return;
    }
  } finally {
    response.body.destroy();
  }
  throw failure('NETWORK', 'fetch', descriptor.digest, 'the connection ended too soon', { retryable: true });
}
