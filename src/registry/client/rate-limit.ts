import type { IncomingHttpHeaders } from 'node:http';
import { redactText } from '../../lib/redact.ts';
import type { HttpResponse } from './http.ts';
import { retryAfter } from './retry.ts';

/** What a registry tells of how much it lets one client do. Everything is absent that it does not tell. */
export interface RateLimit {
  /** Requests in a window; for Docker Hub image pulls. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds that `limit` is for. */
  readonly window?: number;
  /** Seconds until the window starts anew. */
  readonly reset?: number;
  /** Whom it counts: an address, or a user's id (Docker Hub). */
  readonly source?: string;
  /** True when it answered 429: nothing goes now. */
  readonly exceeded?: true;
}

/** What an answer says of it, a 429 too; undefined when it says nothing of the kind. */
export function rateLimitOf({ status, headers }: HttpResponse): RateLimit | undefined {
  const found = { ...parseRateLimit(headers), ...(status === 429 ? ({ exceeded: true } as const) : {}) };
  return Object.keys(found).length === 0 ? undefined : found;
}

/**
 * Docker Hub: `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600`, `docker-ratelimit-source`. Others: `x-ratelimit-limit`,
 * `-remaining`, `-reset` (seconds since 1970 or from now), and the IETF draft's `ratelimit: "default";r=50;t=30` with
 * `ratelimit-policy: "default";q=100;w=60`.
 */
export function parseRateLimit(headers: IncomingHttpHeaders, now = Date.now()): RateLimit {
  const text = (name: string): string => String(headers[name] ?? '');
  const first = (name: string): number | undefined =>
    numberIn(/^\s*(\d{1,12})/, text(`ratelimit-${name}`)) ??
    numberIn(/^\s*(\d{1,12})/, text(`x-ratelimit-${name}`));
  const [current, policy] = [text('ratelimit'), text('ratelimit-policy')];
  const seconds = first('reset') ?? numberIn(/;\s*t=(\d{1,12})/, current);
  const wait = retryAfter(headers['retry-after'], now);
  const found = {
    limit: first('limit') ?? numberIn(/;\s*q=(\d{1,12})/, policy),
    remaining: first('remaining') ?? numberIn(/;\s*r=(\d{1,12})/, current),
    window: numberIn(/;\s*w=(\d{1,12})/, `${text('ratelimit-limit')}${text('x-ratelimit-limit')}${policy}`),
    reset: fromNow(seconds, now) ?? (wait === undefined ? undefined : Math.ceil(wait / 1000)),
    source: redactText(text('docker-ratelimit-source'), 100) || undefined,
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

function numberIn(pattern: RegExp, text: string): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** A number this large is a date. */
const firstDate = 1_000_000_000;

function fromNow(reset: number | undefined, now: number): number | undefined {
  if (reset === undefined || reset < firstDate) return reset;
  return Math.max(0, reset - Math.floor(now / 1000));
}
