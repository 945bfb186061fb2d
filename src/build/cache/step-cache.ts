import type { IoOptions, Store } from '../../content/store.ts';
import { isDigest } from '../../lib/digest.ts';
import { type RecordEntry, RecordStore } from './record-store.ts';
import type { StepRecord } from './step-record.ts';

/** The local cache of steps: a record counts only while the store has the layer that it names. */
export class StepCache {
  readonly #records: RecordStore<StepRecord>;
  readonly #store: Store;

  constructor(directory: string, store: Store) {
    this.#records = new RecordStore(directory);
    this.#store = store;
  }

  async lookup(key: string, options: IoOptions): Promise<StepRecord | undefined> {
    const record = await this.#records.get(key);
    if (record === undefined || !(await this.#store.exists(record.layer.descriptor, options)))
      return undefined;
    return record;
  }

  async record(keys: readonly string[], record: StepRecord): Promise<void> {
    await Promise.all(keys.map((key) => this.#records.set(key, record)));
  }

  /** Every record, whether the store has its layer or not. */
  async *entries(): AsyncIterable<RecordEntry<StepRecord>> {
    for await (const entry of this.#records.entries()) {
      const digest: unknown = entry.value?.layer?.descriptor?.digest;
      if (typeof digest === 'string' && isDigest(digest)) yield entry;
    }
  }

  async remove(key: string): Promise<void> {
    await this.#records.remove(key);
  }
}
