import { join } from 'node:path';
import { StepCache } from '../../build/cache/step-cache.ts';
import type { Pruned } from '../../content/layout/prune-blobs.ts';
import type { IoOptions } from '../../content/store.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import type { Digest } from '../../lib/digest.ts';
import { openLocalStore } from '../stores.ts';

export interface PruneImagesOptions extends IoOptions {
  /** Layers that the build cache remembers stay. Default false: the next build of what has no name runs its steps again. */
  readonly keepCache?: boolean | undefined;
  /** Only say what would go. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Removes what no name of the local store reaches, except for what running builds, copies and runs work with. */
export async function pruneImages(options: PruneImagesOptions = {}): Promise<Pruned> {
  const { env, signal, dryRun, keepCache } = options;
  const store = await openLocalStore({ env });
  const keep: Digest[] = [];
  if (keepCache) {
    const cache = new StepCache(join(dataDirectory(env), 'cache', 'steps'), store);
    for await (const { value } of cache.entries()) keep.push(value.layer.descriptor.digest);
  }
  return await store.prune({ signal, dryRun, keep });
}
