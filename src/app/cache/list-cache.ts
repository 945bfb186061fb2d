import type { CacheItem } from './cache-item.ts';
import { type CacheOptions, openCache } from './open-cache.ts';
import { surveyCache } from './survey-cache.ts';

/** Everything that `prune` may remove, most recently used first. */
export async function listCache(options: CacheOptions = {}): Promise<readonly CacheItem[]> {
  const cache = await openCache(options);
  return cache === undefined ? [] : (await surveyCache(cache, options)).items;
}
