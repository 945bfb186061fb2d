import type { RecordSource } from '../../build/cache/record-source.ts';
import type { BuildRequest, BuildResult } from '../../build/engines/engine.ts';
import { failure } from '../../lib/errors.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import type { CacheEvent } from './cache-event.ts';
import { parseCacheFrom, parseCacheTo } from './cache-location.ts';
import { openCacheRepository } from './cache-repository.ts';
import { exportCaches, exportKeyed } from './export-caches.ts';
import { whileItAnswers } from './failing-source.ts';
import { importCaches } from './import-caches.ts';

/** Caches of a build besides this machine's own, as typed. */
export interface CacheSettings {
  /** `--cache-from`. */
  readonly from: readonly string[];
  /** `--cache-to`. */
  readonly to: readonly string[];
  /** `--cache-repo`: looked up and written, one tag a step. */
  readonly repository?: string | undefined;
  /** `--cache-ttl`, for that repository. */
  readonly ttl?: string | undefined;
}

export interface BuildCaches {
  readonly imported: readonly RecordSource[];
  /** Images' configs carry what their layers are known by. */
  readonly inline: boolean;
  /** Leaves the finished build's steps where they are wanted. */
  finish(built: BuildResult): Promise<void>;
}

export interface OpenBuildCachesOptions {
  readonly client: RegistryClient;
  readonly request: Pick<BuildRequest, 'platforms' | 'target'>;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CacheEvent) => void) | undefined;
}

export async function openBuildCaches(
  settings: CacheSettings,
  { client, request, env, signal, onEvent = () => {} }: OpenBuildCachesOptions,
): Promise<BuildCaches> {
  if (settings.ttl !== undefined && settings.repository === undefined) {
    throw failure('USAGE', 'use --cache-ttl', settings.ttl, 'there is no --cache-repo that it is for');
  }
  const from = settings.from.map(parseCacheFrom);
  const to = settings.to.map(parseCacheTo);
  const keyed = settings.repository && openCacheRepository(settings.repository, settings.ttl, client);
  const imported = await importCaches(from, { client, signal, onEvent });
  const options = {
    client,
    env,
    signal,
    onEvent,
    scope: { platforms: request.platforms, target: request.target },
  };
  const unusable = (message: string): void =>
    onEvent({ type: 'cache-unusable', cache: settings.repository ?? '', message });
  return {
    imported: keyed ? [...imported, whileItAnswers(keyed, unusable)] : imported,
    inline: to.some(({ type }) => type === 'inline'),
    async finish(built) {
      await exportCaches(to, built, options);
      if (keyed) await exportKeyed(keyed, settings.repository ?? '', built, options);
    },
  };
}
