import { statfs } from 'node:fs/promises';
import { dataDirectory } from '../../lib/data-directory.ts';
import { chooseGarbage, type GcPolicy } from './gc-policy.ts';
import type { CacheOptions } from './open-cache.ts';
import { type PrunedCache, pruneCache } from './prune-cache.ts';

/** Removes what a policy leaves no room for. Beside builds, like `pruneCache`: what they use stays. */
export async function collectGarbage(policy: GcPolicy, options: CacheOptions): Promise<PrunedCache> {
  const { blocks, bavail, bsize } = await statfs(dataDirectory(options.env));
  const disk = { total: blocks * bsize, free: bavail * bsize };
  return await pruneCache({
    ...options,
    choose: (items) => chooseGarbage(items, policy, { disk, now: Date.now() }),
  });
}
