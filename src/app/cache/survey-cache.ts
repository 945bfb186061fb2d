import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundDirectories } from '../../build/keeper/protocol.ts';
import type { Digest } from '../../lib/digest.ts';
import { diskUsage } from '../../lib/disk-usage.ts';
import type { CacheItem } from './cache-item.ts';
import { type CacheOptions, type OpenedCache, withKeeper } from './open-cache.ts';

/** All that a data directory holds. */
export interface CacheSurvey {
  /** What `prune` may remove, most recently used first. */
  readonly items: readonly CacheItem[];
  /** Contents that names of the local store reach. */
  readonly images: { readonly count: number; readonly size: number };
  /** Keys of steps whose layer is gone: misses. */
  readonly stale: readonly string[];
  /** What the keeper found in its directories; undefined where there is nothing of it. */
  readonly directories: FoundDirectories | undefined;
}

/** Where fetched files and checkouts are. */
const sourceDirectories = [join('sources', 'files'), join('sources', 'git')];
/** What is made again when it is missing. */
const memoDirectories = [
  'tocs',
  join('cache', 'contexts'),
  join('cache', 'files'),
  join('cache', 'documents'),
];

export async function surveyCache(cache: OpenedCache, options: CacheOptions): Promise<CacheSurvey> {
  const { items, images, stale } = await surveyStore(cache, options);
  const directories = await withKeeper(cache, options, (keeper) => keeper.usage(options));
  for (const { kind, id, name, size, used } of directories?.kept ?? [])
    items.push({ kind, id, name, size, used: new Date(used).toISOString(), shared: false });
  for (const directory of sourceDirectories) items.push(...(await filesOf(cache, directory, 'source')));
  for (const directory of memoDirectories) items.push(...(await filesOf(cache, directory, 'memo')));
  return { items: items.sort((a, b) => (a.used < b.used ? 1 : -1)), images, stale, directories };
}

async function surveyStore({ steps, store }: OpenedCache, options: CacheOptions) {
  const diffIds = new Map<Digest, string>();
  const keys = new Map<Digest, string[]>();
  for await (const { key, value } of steps.entries()) {
    const { descriptor, diffId } = value.layer;
    diffIds.set(descriptor.digest, diffId);
    keys.set(descriptor.digest, [...(keys.get(descriptor.digest) ?? []), key]);
  }
  const { removed, inUse } = await store.prune({ ...options, dryRun: true });
  const unnamed = new Set([...removed, ...inUse].map(({ digest }) => digest));
  const items: CacheItem[] = [];
  const images = { count: 0, size: 0 };
  for await (const { digest, changed } of store.contents(options)) {
    const diffId = diffIds.get(digest);
    const size = diskUsage(store.blobPath(digest));
    const shared = !unnamed.has(digest);
    keys.delete(digest);
    if (shared) {
      images.count++;
      images.size += size;
    }
    if (shared && diffId === undefined) continue;
    const kind = diffId === undefined ? 'content' : 'layer';
    const used = new Date(changed).toISOString();
    items.push({ kind, id: digest, name: diffId ?? '', size, used, shared });
  }
  return { items, images, stale: [...keys.values()].flat() };
}

/** Those in the making have names of another form: they are no items. */
const wholeName = /^[0-9a-f]{64}(?:\.json)?$/;

async function filesOf(
  { directory }: OpenedCache,
  below: string,
  kind: 'source' | 'memo',
): Promise<CacheItem[]> {
  const items: CacheItem[] = [];
  for (const name of await readdir(join(directory, below)).catch(() => [])) {
    const id = join(below, name);
    const status = wholeName.test(name) ? await stat(join(directory, id)).catch(() => undefined) : undefined;
    if (status === undefined) continue;
    const size = diskUsage(join(directory, id));
    // A file that is found is touched; its own time may mean something else.
    items.push({ kind, id, name: '', size, used: status.ctime.toISOString(), shared: false });
  }
  return items;
}
