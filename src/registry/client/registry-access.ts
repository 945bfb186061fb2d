import type { IoOptions } from '../../content/store.ts';
import type { Endpoint } from './endpoint.ts';
import { discard, type HttpResponse, type Send } from './http.ts';
import { registryFailure } from './registry-failure.ts';

/**
 * Asks a registry for its API's root with whatever credentials there are. UNAUTHORIZED when it refuses them, NOT_FOUND when what listens
 * there is no registry.
 */
export async function checkAccess(send: Send, endpoint: Endpoint, options: IoOptions): Promise<void> {
  const { registry, current } = endpoint;
  const response = await send({
    method: 'GET',
    url: new URL('/v2/', current),
    headers: { accept: 'application/json' },
    scopes: [],
    signal: options.signal,
  });
  if (response.status !== 200) {
    throw await registryFailure(response, 'log in to', registry, {
      registry,
      missing: 'no registry answers there',
    });
  }
  discard(response);
}

/** How many pulls a registry grants, from the headers that Docker Hub has and others took over (docs.docker.com, "Pull usage and limits"). */
export interface RateLimit {
  readonly limit?: number;
  readonly remaining?: number;
  /** Seconds that `limit` is for. */
  readonly window?: number;
  /** Whom it counts for: an address or a user's id. */
  readonly source?: string;
}

/** Undefined when the answer says nothing of the kind. */
export function rateLimitOf({ headers }: HttpResponse): RateLimit | undefined {
  const read = (name: string): { value?: number; window?: number } => {
    const [first] = [headers[name]].flat();
    const [, value, window] = /^\s*(\d{1,12})\s*(?:;\s*w=(\d{1,12}))?/.exec(first ?? '') ?? [];
    return {
      ...(value === undefined ? {} : { value: Number(value) }),
      ...(window === undefined ? {} : { window: Number(window) }),
    };
  };
  const limit = { ...read('x-ratelimit-limit'), ...read('ratelimit-limit') };
  const remaining = { ...read('x-ratelimit-remaining'), ...read('ratelimit-remaining') };
  if (limit.value === undefined && remaining.value === undefined) return undefined;
  const window = limit.window ?? remaining.window;
  const [source] = [headers['docker-ratelimit-source']].flat();
  return {
    ...(limit.value === undefined ? {} : { limit: limit.value }),
    ...(remaining.value === undefined ? {} : { remaining: remaining.value }),
    ...(window === undefined ? {} : { window }),
    ...(source === undefined ? {} : { source }),
  };
}
