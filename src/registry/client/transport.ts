import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import type * as Https from 'node:https';
import type { Readable } from 'node:stream';
import { abortReason, failure, type PolyarchError } from '../../lib/errors.ts';
import { redactText, redactUrl } from '../../lib/redact.ts';
import { version } from '../../lib/version.ts';
import { isLoopbackHost } from './endpoint.ts';
import { BodyError, type HttpRequest, type HttpResponse, type Send } from './http.ts';
import { limits } from './limits.ts';

export interface Transport {
  readonly send: Send;
  /** Closes the idle connections. */
  close(): void;
}

/**
 * HTTP/1.1 over kept-alive connections. Proxies of the environment are used, never for this machine itself (as Go's and curl's are).
 */
export function createTransport(): Transport {
  const agents = new Map<string, Agent>();
  let https: typeof Https | undefined;

  const agentFor = async (url: URL): Promise<Agent> => {
    const secure = url.protocol === 'https:';
    const direct = isLoopbackHost(url.hostname);
    const key = `${secure}${direct}`;
    // TLS is the dearest module to load: registries on this machine do without.
    if (secure) https ??= await import('node:https');
    let agent = agents.get(key);
    if (agent === undefined) {
      const options = {
        keepAlive: true,
        maxSockets: limits.connections,
        ...(direct ? {} : { proxyEnv: process.env }),
      };
      agent = secure && https ? new https.Agent(options) : new Agent(options);
      agents.set(key, agent);
    }
    return agent;
  };

  const attempt = async (request: HttpRequest): Promise<HttpResponse> => {
    const { url, signal } = request;
    if (signal?.aborted) throw abortReason(signal);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw failure('REGISTRY', 'reach', redactUrl(url), 'neither http nor https');
    }
    const agent = await agentFor(url);
    const open = url.protocol === 'https:' && https ? https.request : requestHttp;
    const { body } = request;
    const length = body === undefined ? undefined : body.length;
    const outgoing = open(url, {
      method: request.method,
      agent,
      headers: {
        'user-agent': `polyarch/${version}`,
        ...request.headers,
        ...(length === undefined ? {} : { 'content-length': String(length) }),
      },
    });
    return await exchange(request, outgoing);
  };

  return {
    async send(request) {
      try {
        return await attempt(request);
      } catch (error) {
        // The registry closed a kept-alive connection just as it was used again: that says nothing of the registry's health.
        const replayable = request.body === undefined || request.body instanceof Uint8Array;
        if (!(error instanceof StaleConnection)) throw error;
        if (!replayable) throw error.reason;
        try {
          return await attempt(request);
        } catch (again) {
          throw again instanceof StaleConnection ? again.reason : again;
        }
      }
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

class StaleConnection extends Error {
  readonly reason: PolyarchError;
  constructor(reason: PolyarchError) {
    super('stale connection');
    this.reason = reason;
  }
}

function exchange(request: HttpRequest, outgoing: ClientRequest): Promise<HttpResponse> {
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

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isReset(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

function networkFailure(url: URL, what: string, cause?: unknown): PolyarchError {
  return failure('NETWORK', 'reach', redactUrl(url.origin), what, { retryable: true, cause });
}

/** NETWORK with a sentence for what Node's code means; failures of ours pass. */
export function asFailure(error: unknown, url: URL): unknown {
  if (error instanceof BodyError) return error;
  if (error instanceof Error && error.name === 'PolyarchError') return error;
  const code = codeOf(error);
  const origin = redactUrl(url.origin);
  if (code === 'ECONNREFUSED') {
    const local = isLoopbackHost(url.hostname);
    return failure('NETWORK', 'reach', origin, 'nothing listens there (connection refused)', {
      retryable: !local,
      cause: error,
      hint: local ? 'start a registry there, or correct the port' : undefined,
    });
  }
  if (code === 'ENOTFOUND') {
    return failure('NETWORK', 'reach', origin, 'no such host', {
      cause: error,
      hint: 'check the spelling of the registry, and DNS',
    });
  }
  if (/CERT|SELF_SIGNED|ISSUER|SIGNATURE/.test(code)) {
    return failure('NETWORK', 'reach', origin, `its TLS certificate is not trusted (${code})`, {
      cause: error,
      hint: 'name the file of its authority in NODE_EXTRA_CA_CERTS',
    });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return failure('NETWORK', 'reach', origin, `it does not speak TLS (${code})`, {
      cause: error,
      hint: 'plain HTTP is used for registries on this machine (localhost, 127.0.0.1) only',
    });
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') return networkFailure(url, 'the connection broke', error);
  if (error === undefined) return networkFailure(url, 'the connection closed without an answer');
  return networkFailure(url, redactText(error instanceof Error ? error.message : String(error)), error);
}
