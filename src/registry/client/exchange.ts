import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { abortReason, failure, type PolyarchError } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { chunkPassed } from '../../lib/young-garbage.ts';
import { BodyError, type HttpRequest, type HttpResponse } from './http.ts';
import { limits } from './limits.ts';
import { asFailure, isReset, networkFailure } from './network-failure.ts';

/** The registry closed a kept-alive connection just as it was used again: that says nothing of the registry's health. */
export class StaleConnection extends Error {
  readonly reason: PolyarchError;
  constructor(reason: PolyarchError) {
    super('stale connection');
    this.reason = reason;
  }
}

/** One request over an opened ClientRequest, its body sent with backpressure; resolves with the answer's head. */
export function exchange(request: HttpRequest, outgoing: ClientRequest): Promise<HttpResponse> {
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
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) return;
      connecting = setTimeout(late('no connection in time'), limits.connectMs);
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    outgoing.on('response', (response: IncomingMessage) => {
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
    outgoing.on('error', (error) => {
      failed ??= error;
      source?.destroy();
    });
    outgoing.on('close', () => {
      settled();
      const reason = asFailure(failed, url);
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

/** Writes exactly `length` bytes. False when the connection or the peer ended it first; throws what the stream throws. */
async function sendStream(
  stream: Readable,
  length: number,
  outgoing: ClientRequest,
  progress: Progress,
): Promise<boolean> {
  let sent = 0;
  let answered = false;
  outgoing.once('response', () => {
    answered = true;
  });
  const ended = (): boolean => answered || outgoing.destroyed;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      if (ended()) return false;
      sent += chunk.length;
      chunkPassed(chunk.length);
      if (sent > length) break;
      if (outgoing.write(chunk)) continue;
      progress.stalled();
      await drained(outgoing);
      progress.flowing();
    }
  } catch (error) {
    if (ended()) return false;
    throw error;
  }
  if (ended()) return false;
  if (sent !== length) {
    const what =
      sent > length ? `more than the ${length} bytes announced` : `${sent} of the ${length} bytes announced`;
    throw failure('CONTENT_INVALID', 'send', redactUrl(`${outgoing.protocol}//${outgoing.host}`), what);
  }
  outgoing.end();
  return true;
}

function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error', 'response']) outgoing.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'close', 'error', 'response']) outgoing.on(event, done);
  });
}
