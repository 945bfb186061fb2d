import type { IoOptions, Store } from '../../content/store.ts';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { RecordStore } from './record-store.ts';
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

  /** Layers that records name, whether the store has them or not. */
  async *layers(): AsyncIterable<Digest> {
    for await (const record of this.#records.values()) {
      const digest: unknown = record?.layer?.descriptor?.digest;
      if (typeof digest === 'string' && isDigest(digest)) yield digest;
    }
  }
}
