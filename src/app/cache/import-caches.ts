import type { RecordSource } from '../../build/cache/record-source.ts';
import { importRecords } from '../../build/cache/remote/imported-records.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import { formatLocation, type Location } from '../../oci/location.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import { openStore } from '../stores.ts';
import type { CacheEvent } from './cache-event.ts';

export interface ImportCachesOptions {
  readonly client: RegistryClient;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent: (event: CacheEvent) => void;
}

/** Reads what `--cache-from` names, metadata only. What cannot be read is told and left out: a first build finds no cache. */
export async function importCaches(
  caches: readonly Location[],
  options: ImportCachesOptions,
): Promise<RecordSource[]> {
  const { client, signal, onEvent } = options;
  const imported = await Promise.all(
    caches.map(async (location) => {
      const cache = formatLocation(location);
      try {
        const { store, reference } = await openStore(location, { client, signal });
        const root = await store.resolve(reference, { signal });
        const source = await importRecords(store, root, { signal, origin: originOf(location) });
        onEvent({ type: 'cache-imported', cache });
        return source;
      } catch (error) {
        if (isFailure(error, 'INTERRUPTED')) throw error;
        onEvent({ type: 'cache-unusable', cache, message: reasonOf(error) });
        return undefined;
      }
    }),
  );
  return imported.filter((source) => source !== undefined);
}

function originOf(location: Location): RecordSource['origin'] {
  if (location.transport !== 'docker') return undefined;
  const { registry, repository } = location.reference;
  return { registry, repository };
}
