import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeeperClient } from '../../../build/keeper/keeper-client.ts';
import { startKeeper } from '../../../build/keeper/start-keeper.ts';
import { contentFrom } from '../../../content/content.ts';
import type { LayoutStore } from '../../../content/layout/layout-store.ts';
import { isFailure, reasonOf } from '../../../lib/errors.ts';
import { formatLocation, type Location } from '../../../oci/location.ts';
import type { RegistryClient } from '../../../registry/client/registry-client.ts';
import type { SandboxChoice } from '../../sandbox-choice.ts';
import { openStore } from '../../stores.ts';
import type { CacheEvent } from '../cache-event.ts';
import { readMounts } from './read-mounts.ts';

export interface MountsOptions {
  readonly dataDirectory: string;
  readonly store: LayoutStore;
  readonly client: RegistryClient;
  /** As the build's own keeper is started. */
  readonly sandbox?: SandboxChoice | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: CacheEvent) => void;
}

/**
 * Begins this machine's cache mounts with what `--cache-mounts-from` names, those of `platforms` (as text) that it has not begun yet. What cannot be read is told
 * and left out: a first build finds nothing.
 */
export async function importMounts(
  locations: readonly Location[],
  platforms: ReadonlySet<string>,
  options: MountsOptions,
): Promise<void> {
  const { dataDirectory, sandbox, signal } = options;
  const started: { keeper?: KeeperClient } = {};
  const start: StartOnce = async () => {
    started.keeper ??= await startKeeper({
      ...{ dataDirectory, platforms: [], signal },
      sandbox: sandbox ?? 'auto',
    });
    return started.keeper;
  };
  try {
    for (const location of locations) {
      const cache = formatLocation(location);
      try {
        await importFrom(location, platforms, options, start);
        options.onEvent({ type: 'cache-imported', cache });
      } catch (error) {
        if (isFailure(error, 'INTERRUPTED')) throw error;
        options.onEvent({ type: 'cache-unusable', cache, message: reasonOf(error) });
      }
    }
  } finally {
    await started.keeper?.close();
  }
}

type StartOnce = () => Promise<KeeperClient>;

/** A keeper is started for what is new alone; whoever gave `start` ends it, whatever happens here. */
async function importFrom(
  location: Location,
  platforms: ReadonlySet<string>,
  { dataDirectory, store, client, signal }: MountsOptions,
  start: StartOnce,
): Promise<void> {
  const opened = await openStore(location, { client, signal });
  for (const mount of await readMounts(opened.store, opened.reference, { signal })) {
    const { key, id, platform, layer, diffId, root } = mount;
    if (!platforms.has(platform) || (await isBegun(dataDirectory, key))) continue;
    await store.push(layer, contentFrom(opened.store, layer), { signal });
    const keeper = await start();
    const blob = { kind: 'blob', path: store.blobPath(layer.digest), diffId } as const;
    await keeper.fillCache({ key, id, platform, blob, root }, { signal });
  }
}

async function isBegun(dataDirectory: string, key: string): Promise<boolean> {
  try {
    await access(join(dataDirectory, 'cache-mounts', key, '0', 'fs'));
    return true;
  } catch {
    return false;
  }
}
