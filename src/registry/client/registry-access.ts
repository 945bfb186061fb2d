import type { IoOptions } from '../../content/store.ts';
import type { Endpoint } from './endpoint.ts';
import { discard, type Send } from './http.ts';
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
