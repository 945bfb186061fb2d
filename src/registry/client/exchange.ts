import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { giveBack } from '../../lib/chunk-pool.ts';
import { abortReason, failure, type PolyarchError } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { BodyError, type HttpRequest, type HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { asFailure, isReset, networkFailure } from './network-failure.ts';
import type { IncomingAnswer, OutgoingRequest } from './outgoing-request.ts';

/** The registry closed a kept-alive connection just as it was used again: that says nothing of the registry's health. */
export class StaleConnection extends Error {
  readonly reason: PolyarchError;
  constructor(reason: PolyarchError) {
    super('stale connection');
    this.reason = reason;
  }
}

/** One request that was opened (through `proxy`), its body sent with backpressure; resolves with the answer's head. */
export function exchange(
  request: HttpRequest,
  outgoing: OutgoingRequest,
  proxy: URL | undefined,
): Promise<HttpResponse> {
  const { signal, body, url } = request;
  return new Promise((resolve, reject) => {
    let failed: unknown;
    let source: Readable | undefined;
    const late = (what: string) => () => {
      outgoing.destroy(networkFailure(url, what));
    };
    let timer: NodeJS.Timeout | undefined;
    let connecting: NodeJS.Timeout | undefined;
    const wait = (ms: number, what: string): void => {
      clearTimeout(timer);
      timer = setTimeout(late(what), ms);
    };
    const abort = (): void => {
      if (signal) outgoing.destroy(abortReason(signal));
    };
    signal?.addEventListener('abort', abort, { once: true });
    const settled = (): void => {
      clearTimeout(timer);
      clearTimeout(connecting);
      signal?.removeEventListener('abort', abort);
    };

    // Counted from when the agent has a place for it: waiting behind other transfers is not the registry's silence.
    outgoing.once('socket', (socket: Socket) => {
      if (!socket.connecting) return;
      connecting = setTimeout(late('no connection in time'), limits.connectMs);
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    outgoing.on('response', (response: IncomingAnswer) => {
      clearTimeout(timer);
      // An answer before the body's end (401, 413): stop sending, keep the answer, and give the connection up after it.
      const cut = !outgoing.writableEnded;
      if (cut) source?.destroy();
      const onAbort = (): void => {
        if (signal) response.destroy(abortReason(signal));
      };
      signal?.removeEventListener('abort', abort);
      signal?.addEventListener('abort', onAbort, { once: true });
      response.once('close', () => {
        signal?.removeEventListener('abort', onAbort);
        if (cut) outgoing.destroy();
      });
      resolve({ status: response.statusCode ?? 0, headers: response.headers, url, body: response });
    });
    // An early answer may lie behind an EPIPE: the error counts only when the connection closes without one.
    outgoing.on('error', (error: Error) => {
      failed ??= error;
      source?.destroy();
    });
    outgoing.on('close', () => {
      settled();
      const reason = asFailure(failed, url, proxy);
      const stale = outgoing.reusedSocket && isReset(failed);
      reject(stale ? new StaleConnection(reason as PolyarchError) : reason);
    });

    if (body === undefined || body instanceof Uint8Array) {
      outgoing.on('finish', () => wait(limits.responseMs, 'no answer in time'));
      outgoing.end(body);
      return;
    }
    const stalled = (): void => wait(limits.stallMs, 'it stopped taking the body');
    body
      .open()
      .then(async (stream) => {
        source = stream;
        stream.on('error', () => {});
        if (outgoing.destroyed) {
          stream.destroy();
          return;
        }
        if (
          await sendStream(stream, body.length, outgoing, { stalled, flowing: () => clearTimeout(timer) })
        ) {
          wait(limits.responseMs, 'no answer in time');
        }
      })
      .catch((error: unknown) => {
        failed ??= new BodyError(error);
        source?.destroy();
        outgoing.destroy();
      });
  });
}

interface Progress {
  /** The connection takes no more for now. */
  stalled(): void;
  flowing(): void;
}

/**
 * Writes exactly `length` bytes. False when the connection or the peer ended it first; throws what the stream throws. By events: awaiting
 * each chunk costs more than hashing it.
 */
async function sendStream(
  stream: Readable,
  length: number,
  outgoing: OutgoingRequest,
  progress: Progress,
): Promise<boolean> {
  let sent = 0;
  const whole = await new Promise<boolean>((resolve, reject) => {
    const give = (chunk: Uint8Array): void => {
      sent += chunk.length;
      if (outgoing.destroyed) stop();
      else if (sent > length) end();
      else if (!outgoing.write(chunk, () => giveBack(chunk))) {
        progress.stalled();
        stream.pause();
      }
    };
    const drain = (): void => {
      progress.flowing();
      stream.resume();
    };
    const end = (): void => done(() => resolve(true));
    const stop = (): void => done(() => resolve(false));
    const close = (): void => {
      const { errored } = stream;
      done(() => (errored ? reject(errored) : resolve(true)));
    };
    const done = (settle: () => void): void => {
      stream.off('data', give).off('end', end).off('error', close).off('close', close);
      outgoing.off('drain', drain).off('response', stop).off('error', stop).off('close', stop);
      settle();
    };
    outgoing.on('drain', drain).on('response', stop).on('error', stop).on('close', stop);
    stream.on('end', end).on('error', close).on('close', close).on('data', give);
    if (stream.closed) close();
  });
  if (!whole || outgoing.destroyed) return false;
  if (sent !== length) {
    stream.destroy();
    const what =
      sent > length ? `more than the ${length} bytes announced` : `${sent} of the ${length} bytes announced`;
    throw failure('CONTENT_INVALID', 'send', redactUrl(`${outgoing.protocol}//${outgoing.host}`), what);
  }
  outgoing.end();
  return true;
}
