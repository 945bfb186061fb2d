import { rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeTree } from '../../build/snapshot/remove-tree.ts';
import { removingSources } from '../../build/sources/claim-source.ts';
import type { Digest } from '../../lib/digest.ts';
import { throwIfAborted } from '../../lib/errors.ts';
import { processToken } from '../../lib/process-identity.ts';
import type { CacheItem, CacheItemKind } from './cache-item.ts';
import { chooseItems, ownSize } from './choose-items.ts';
import { findLeftovers } from './find-leftovers.ts';
import { type CacheOptions, type OpenedCache, openCache, withKeeper } from './open-cache.ts';
import { surveyCache } from './survey-cache.ts';

export interface PruneCacheOptions extends CacheOptions {
  /** What was used within so many seconds stays. Default: nothing does. */
  readonly keepDuration?: number | undefined;
  /** The least recently used goes until no more bytes than these are left. Default: what is old enough goes, however little there is. */
  readonly maxUsedSpace?: number | undefined;
  /** Steps whose layers images of the local store have are forgotten too, so that they run again; the layers stay with the images. Default false. */
  readonly all?: boolean | undefined;
  /** Says what goes, of what may, most recently used first. Default: by the two above. */
  readonly choose?: ((items: readonly CacheItem[]) => CacheItem[]) | undefined;
  /** Only say what would go. Default false. */
  readonly dryRun?: boolean | undefined;
}

export interface PrunedCache {
  readonly removed: readonly CacheItem[];
  /** Left because a running command uses it, or may. */
  readonly inUse: readonly CacheItem[];
  /** Bytes on disk of what is left, without what images have. */
  readonly left: number;
}

/** Removes what builds left. It may run beside builds, and be killed at any time: what is left is whole. */
export async function pruneCache(options: PruneCacheOptions = {}): Promise<PrunedCache> {
  const cache = await openCache(options);
  if (cache === undefined) return { removed: [], inUse: [], left: 0 };
  const { items, stale } = await surveyCache(cache, options);
  const candidates = items.filter(({ shared }) => options.all || !shared);
  const choose = options.choose ?? ((all) => chooseItems(all, { ...options, now: Date.now() }));
  const chosen = choose(candidates);
  if (!options.dryRun) {
    for (const key of stale) await cache.steps.remove(key);
    for (const path of await findLeftovers(cache)) removeTree(join(cache.directory, path));
  }
  const gone = options.dryRun ? new Set(chosen) : await remove(cache, chosen, options);
  const left = items.filter((item) => !gone.has(item)).reduce((sum, item) => sum + ownSize(item), 0);
  return {
    removed: chosen.filter((item) => gone.has(item)),
    inUse: chosen.filter((item) => !gone.has(item)),
    left,
  };
}

async function remove(
  cache: OpenedCache,
  chosen: readonly CacheItem[],
  options: CacheOptions,
): Promise<ReadonlySet<CacheItem>> {
  const of = (...kinds: CacheItemKind[]) => chosen.filter((item) => kinds.includes(item.kind));
  return new Set([
    ...(await removeContents(cache, of('layer', 'content'), options)),
    ...(await removeDirectories(cache, of('snapshot', 'cache-mount'), options)),
    ...(await removeFiles(cache, of('source', 'memo'), options)),
  ]);
}

/** Records first: one whose layer is gone is a miss, a layer without records is content that nobody has. */
async function removeContents(
  { steps, store }: OpenedCache,
  items: readonly CacheItem[],
  { signal }: CacheOptions,
): Promise<CacheItem[]> {
  if (items.length === 0) return [];
  const byDigest = new Map(items.map((item) => [item.id, item]));
  const usedSince = await store.usedSince();
  for await (const { digest, changed } of store.contents({ signal }))
    if (changed >= usedSince) byDigest.delete(digest);
  for await (const { key, value } of steps.entries()) {
    throwIfAborted(signal);
    if (byDigest.has(value.layer.descriptor.digest)) await steps.remove(key);
  }
  const keep: Digest[] = [];
  for await (const { digest } of store.contents({ signal })) if (!byDigest.has(digest)) keep.push(digest);
  const { removed } = await store.prune({ signal, keep });
  const gone = new Set<string>(removed.map(({ digest }) => digest));
  return items.filter((item) => gone.has(item.id) || (item.shared && byDigest.has(item.id)));
}

async function removeDirectories(
  cache: OpenedCache,
  items: readonly CacheItem[],
  options: CacheOptions,
): Promise<CacheItem[]> {
  if (items.length === 0) return [];
  const ids = (kind: CacheItemKind) => items.filter((item) => item.kind === kind).map(({ id }) => id);
  const request = { snapshots: ids('snapshot'), mounts: ids('cache-mount') };
  const pruned = await withKeeper(cache, options, (keeper) => keeper.prune(request, options));
  return items.filter(({ id }) => pruned?.removed.includes(id));
}

/** What a running build claimed or wrote since it began may be open, or about to be. */
async function removeFiles(
  { directory, store }: OpenedCache,
  items: readonly CacheItem[],
  { signal }: CacheOptions,
): Promise<CacheItem[]> {
  const gone: CacheItem[] = [];
  for (const item of items) {
    throwIfAborted(signal);
    const path = join(directory, item.id);
    const removeUnused = async (): Promise<void> => {
      const usedSince = await store.usedSince();
      const status = await stat(path).catch(() => undefined);
      if (status === undefined || status.ctimeMs >= usedSince) return;
      // Memos are not claimed: as long as anybody builds, they stay.
      if (item.kind === 'memo' && usedSince !== Number.POSITIVE_INFINITY) return;
      // Killed in between, it leaves no checkout that lacks files.
      const leaving = `${path}.${processToken()}.gone`;
      await rename(path, leaving);
      removeTree(leaving);
      gone.push(item);
    };
    await (item.kind === 'source' ? removingSources(dirname(path), removeUnused) : removeUnused());
  }
  return gone;
}
