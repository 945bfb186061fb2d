import type { CacheEntry } from '../../build/cache/record-source.ts';
import type { KeyedRecords } from '../../build/cache/remote/keyed-records.ts';
import type { BuildResult } from '../../build/engines/engine.ts';
import { readManifest } from '../../content/read-manifest.ts';
import { canonicalJson } from '../../lib/canonical-json.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { formatLocation, type Location } from '../../oci/location.ts';
import { formatPlatform, hostPlatform, type Platform } from '../../oci/platform.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import { copyGraphs } from '../../transfer/copy-graph.ts';
import { openTarget } from '../open-target.ts';
import type { CacheEvent } from './cache-event.ts';
import type { CacheTo } from './cache-location.ts';
import { publishCache } from './publish-cache.ts';

export interface ExportCachesOptions {
  readonly client: RegistryClient;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: CacheEvent) => void;
  /** Builds that differ in these are different writers of one cache. */
  readonly scope: { readonly platforms: readonly Platform[]; readonly target: string | undefined };
}

/** Leaves the steps of a finished build where `--cache-to` says; `inline` was done when the images were written. */
export async function exportCaches(
  caches: readonly CacheTo[],
  built: BuildResult,
  options: ExportCachesOptions,
): Promise<void> {
  for (const cache of caches) {
    if (cache.type === 'inline') continue;
    const name = formatLocation(cache.location);
    try {
      const entries = cache.mode === 'max' ? built.cacheEntries : await ofResult(built, options);
      await exportTo(cache.location, entries, built, options);
      options.onEvent({ type: 'cache-exported', cache: name, steps: entries.length });
    } catch (error) {
      if (!cache.ignoreError || isFailure(error, 'INTERRUPTED')) throw error;
      options.onEvent({ type: 'cache-unusable', cache: name, message: reasonOf(error) });
    }
  }
}

/** Each step under a tag of its own, as `--cache-repo` has it. A repository that may only be read stays as it is. */
export async function exportKeyed(
  records: KeyedRecords,
  name: string,
  built: BuildResult,
  options: ExportCachesOptions,
): Promise<void> {
  const { signal, onEvent } = options;
  const used = Math.floor(Date.now() / 1000);
  try {
    const layers = built.cacheEntries.map(({ record }) => record.layer.descriptor);
    await copyGraphs(built.source, records.store, layers, {
      signal,
      mountFrom: mountsFor(built, records.origin),
    });
    for (const entry of built.cacheEntries) await records.record({ ...entry, used }, { signal });
    onEvent({ type: 'cache-exported', cache: name, steps: built.cacheEntries.length });
  } catch (error) {
    if (!isFailure(error, 'UNAUTHORIZED', 'REGISTRY', 'NETWORK')) throw error;
    onEvent({ type: 'cache-unusable', cache: name, message: reasonOf(error) });
  }
}

async function exportTo(
  location: Location,
  entries: readonly CacheEntry[],
  built: BuildResult,
  { client, env, signal, scope }: ExportCachesOptions,
): Promise<void> {
  const target = await openTarget([location], { client, env, platform: hostPlatform() });
  try {
    const [name] = target.names;
    if (name === undefined) throw failure('USAGE', 'write cache', formatLocation(location), 'it has no tag');
    const origin = location.transport === 'docker' ? location.reference : undefined;
    await publishCache(
      entries,
      built.source,
      { store: target.store, name },
      {
        signal,
        scope: canonicalJson([scope.platforms.map(formatPlatform).sort(), scope.target ?? '']),
        now: Math.floor(Date.now() / 1000),
        mountFrom: mountsFor(built, origin),
      },
    );
    await target.commit({ signal });
  } finally {
    await target.close();
  }
}

function mountsFor(built: BuildResult, target: { readonly registry: string } | undefined) {
  return (descriptor: Parameters<BuildResult['origin']>[0]): string[] => {
    const from = built.origin(descriptor);
    return from !== undefined && from.registry === target?.registry ? [from.repository] : [];
  };
}

async function ofResult(
  { images, source, cacheEntries }: BuildResult,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<CacheEntry[]> {
  const own = new Set<string>();
  for (const { manifest } of images) {
    for (const { digest } of (await readManifest(source, manifest, { signal })).layers) own.add(digest);
  }
  return cacheEntries.filter(({ record }) => own.has(record.layer.descriptor.digest));
}
