import type { IoOptions, Store } from '../../content/store.ts';
import type { StepRecord } from './step-record.ts';

/** Steps that were made elsewhere. Asked when the local cache has nothing; the layers stay where they are until somebody reads them. */
export interface RecordSource {
  lookup(key: string, options: IoOptions): Promise<StepRecord | undefined>;
  /** Has the blobs of the layers that records name. */
  readonly store: Store;
  /** Where a registry has them: what a push may mount from. */
  readonly origin?: { readonly registry: string; readonly repository: string } | undefined;
}

/** A step that a build made or found, with every key that it is known by. */
export interface CacheEntry {
  readonly keys: readonly string[];
  readonly record: StepRecord;
}
