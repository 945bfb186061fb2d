import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StepCache } from '../../build/cache/step-cache.ts';
import type { KeeperClient } from '../../build/keeper/keeper-client.ts';
import type { LayoutStore } from '../../content/layout/layout-store.ts';
import { dataDirectory } from '../../lib/data-directory.ts';
import { findLocalStore } from '../stores.ts';

export interface CacheOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** What builds left on this machine. */
export interface OpenedCache {
  readonly directory: string;
  readonly store: LayoutStore;
  readonly steps: StepCache;
}

/** Undefined where nothing was built yet. */
export async function openCache({ env }: CacheOptions): Promise<OpenedCache | undefined> {
  const store = await findLocalStore({ env });
  if (store === undefined) return undefined;
  const directory = dataDirectory(env);
  return { directory, store, steps: new StepCache(join(directory, 'cache', 'steps'), store) };
}

/**
 * Runs `use` with a keeper, which alone may look into snapshots and cache mounts: they belong to ids of its namespace. Undefined, and nothing is run,
 * where no build needed a keeper yet: then a machine without sandboxes will do.
 */
export async function withKeeper<T>(
  { directory }: OpenedCache,
  { signal }: CacheOptions,
  use: (keeper: KeeperClient) => Promise<T>,
): Promise<T | undefined> {
  if ((await readdir(join(directory, 'snapshots')).catch(() => [])).length === 0) return undefined;
  const { startKeeper } = await import('../../build/keeper/start-keeper.ts');
  const keeper = await startKeeper({ dataDirectory: directory, platforms: [], signal });
  try {
    return await use(keeper);
  } finally {
    await keeper.close();
  }
}
