import { abortReason, isFailure, reasonOf } from '../../lib/errors.ts';
import type { OnRegistryEvent } from './events.ts';
import { describeRequest, discard, type HttpResponse, type Send } from './http.ts';
import { limits } from './limits.ts';

export interface RetryOptions {
  readonly registry: string;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Factor of every wait; tests make it small. Default 1. */
  readonly pace?: number | undefined;
  /** Tries of one request, the first included. Default `limits.attempts`. */
  readonly attempts?: number | undefined;
}

const retryable: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export function isRetryable(status: number): boolean {
  return retryable.has(status);
}

/** Half of an exponential wait is chance, so that many clients of one registry do not come back at once. */
export function backoff(attempt: number, pace = 1): number {
  const full = Math.min(limits.firstDelayMs * 2 ** (attempt - 1), limits.lastDelayMs);
  return pace * (full / 2 + (Math.random() * full) / 2);
}

/** What Retry-After asks for in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3). */
export function retryAfter(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** What an answer's Retry-After asks for, undefined when it asks for nothing; `too long` is beyond what is obeyed. */
export function retryDelay(response: HttpResponse, pace = 1): number | 'too long' | undefined {
  const asked = retryAfter(response.headers['retry-after']);
  if (asked === undefined) return undefined;
  // A little chance, so that all who were told the same do not come back at once.
  return asked > limits.retryAfterMs ? 'too long' : Math.round(asked * pace * (1 + Math.random() / 10));
}

export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortReason(signal));
      return;
    }
    const abort = (): void => {
      clearTimeout(timer);
      if (signal) reject(abortReason(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/**
 * Sends again after 408, 429, 5xx and broken connections. Gives the last answer, or throws the last failure. A stream body is sent
 * once: only its owner knows how much of it arrived.
 */
export function withRetry(send: Send, options: RetryOptions): Send {
  const { pace = 1, attempts = limits.attempts } = options;
  return async (request) => {
    const once = request.body !== undefined && !(request.body instanceof Uint8Array);
    for (let attempt = 1; ; attempt++) {
      let response: HttpResponse | undefined;
      let delay = backoff(attempt, pace);
      let reason: string;
      const last = once || attempt >= attempts;
      try {
        response = await send(request);
        if (!isRetryable(response.status) || last) return response;
        const asked = retryDelay(response, pace);
        if (asked === 'too long') return response;
        if (asked !== undefined) delay = Math.max(delay, asked);
        reason = `answered ${response.status}`;
        discard(response);
      } catch (error) {
        if (last || !isFailure(error) || !error.retryable) throw error;
        reason = reasonOf(error);
      }
      options.onEvent?.({
        type: 'retry',
        registry: options.registry,
        request: describeRequest(request),
        attempt,
        delayMs: Math.round(delay),
        reason,
      });
      await sleep(delay, request.signal);
    }
  };
}
