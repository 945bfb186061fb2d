import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { dataDirectory } from '../../lib/data-directory.ts';
import { diskUsage } from '../../lib/disk-usage.ts';
import type { CacheItemKind } from './cache-item.ts';
import { type CacheOptions, type OpenedCache, openCache } from './open-cache.ts';
import { type CacheSurvey, surveyCache } from './survey-cache.ts';

/** `image`: what names of the local store reach. `record`: what steps and images are known by. `temporary`: of running builds, or left by killed ones. */
export type UsageKind = CacheItemKind | 'image' | 'record' | 'temporary' | 'other';

export interface Usage {
  readonly kind: UsageKind;
  /** 0 where files are not counted one by one. */
  readonly count: number;
  /** Bytes on disk. */
  readonly size: number;
  /** What `cache prune` would give back, were nothing in use. */
  readonly reclaimable: number;
}

export interface MeasuredCache {
  readonly directory: string;
  readonly usage: readonly Usage[];
  /** All that lies below the directory: the sum of `usage`. */
  readonly total: { readonly size: number; readonly reclaimable: number };
}

const itemKinds = ['layer', 'content', 'snapshot', 'cache-mount', 'source', 'memo'] as const;
/** The keeper's own: only it may look everywhere below them. */
const keeperDirectories = new Set(['snapshots', 'cache-mounts']);
const temporaryDirectories = ['spool', 'uploads', 'keeper', join('store', 'ingest')];
const recordDirectories = [
  ...['steps', 'images', 'builds'].map((name) => join('cache', name)),
  join('sources', 'urls'),
];

/** How much everything below the data directory takes. */
export async function measureCache(options: CacheOptions = {}): Promise<MeasuredCache> {
  const directory = dataDirectory(options.env);
  const cache = await openCache(options);
  const survey = cache && (await surveyCache(cache, options));
  const usage = cache && survey ? rows(cache, survey) : [];
  const known = usage.reduce((sum, { size }) => sum + size, 0);
  const size = await totalOf(directory, survey);
  if (size > known) usage.push({ kind: 'other', count: 0, size: size - known, reclaimable: 0 });
  const reclaimable = usage.reduce((sum, row) => sum + row.reclaimable, 0);
  return { directory, usage, total: { size, reclaimable } };
}

function rows({ directory }: OpenedCache, { items, images, directories }: CacheSurvey): Usage[] {
  const below = (paths: readonly string[]): number =>
    paths.reduce((sum, path) => sum + diskUsage(join(directory, path)), 0);
  return [
    { kind: 'image', ...images, reclaimable: 0 },
    ...itemKinds.map((kind): Usage => {
      // What images share was counted with them.
      const own = items.filter((item) => item.kind === kind && !item.shared);
      const size = own.reduce((sum, item) => sum + item.size, 0);
      return { kind, count: own.length, size, reclaimable: size };
    }),
    { kind: 'record', count: 0, size: below(recordDirectories), reclaimable: 0 },
    {
      kind: 'temporary',
      count: 0,
      size: below(temporaryDirectories) + (directories?.otherBytes ?? 0),
      reclaimable: 0,
    },
  ];
}

async function totalOf(directory: string, survey: CacheSurvey | undefined): Promise<number> {
  const { kept = [], otherBytes = 0 } = survey?.directories ?? {};
  const names = await readdir(directory).catch(() => []);
  const others = names.filter((name) => survey?.directories === undefined || !keeperDirectories.has(name));
  return [...others.map((name) => diskUsage(join(directory, name))), ...kept.map((item) => item.size)].reduce(
    (sum, size) => sum + size,
    otherBytes,
  );
}
