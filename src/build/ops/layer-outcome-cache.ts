import { type Digest, isDigest } from '../../lib/digest.ts';
import type { CacheEntry, RecordSource } from '../cache/record-source.ts';
import type { StepCache } from '../cache/step-cache.ts';
import type { StepRecord } from '../cache/step-record.ts';
import type { OutcomeCache, SolveOptions } from '../solver/vertex.ts';
import { type Outcome, storedLayer } from './tree.ts';

export interface LayerOutcomeCacheOptions {
  /** False: nothing is looked up, but what is made is recorded (`--no-cache`). */
  readonly read: boolean;
  /** Asked in turn for what the local cache has not. */
  readonly imported?: readonly RecordSource[];
  /** An outcome was found elsewhere: its layer's blob is there. */
  readonly onImport?: (record: StepRecord, source: RecordSource) => void;
  /** The outcome of these keys is found by other builds from now on, or never will be. */
  readonly onRecorded?: (keys: readonly string[]) => void;
}

/** Joins the solver to the step cache: an outcome is recorded when its layer is packed, which may be after the build went on. */
export class LayerOutcomeCache implements OutcomeCache<Outcome> {
  readonly #steps: StepCache;
  readonly #options: LayerOutcomeCacheOptions;
  readonly #pending = new Set<Promise<void>>();
  /** By outcome and layer. */
  readonly #entries = new Map<string, { readonly keys: Set<string>; readonly record: StepRecord }>();

  constructor(steps: StepCache, options: LayerOutcomeCacheOptions) {
    this.#steps = steps;
    this.#options = options;
  }

  async lookup(key: string, options: SolveOptions): Promise<Outcome | undefined> {
    // A passing key holds for this build alone.
    const record = isDigest(key) ? await this.#find(key, options) : undefined;
    if (record === undefined) return undefined;
    this.#note([key], record);
    return { key: record.key, layers: [storedLayer(record.layer, record.created)] };
  }

  async knows(key: string, options: SolveOptions): Promise<boolean> {
    return (await this.#find(key, options)) !== undefined;
  }

  async record(keys: readonly string[], outcome: Outcome): Promise<void> {
    const [own] = outcome.layers;
    if (own === undefined) return;
    const all: Digest[] = [...keys.filter(isDigest), ...(outcome.aliases ?? [])];
    const writing = own.stored
      .then(({ layer, created }) => {
        const record = { key: outcome.key, layer, created };
        this.#note(all, record);
        return this.#steps.record(all, record);
      })
      // Whoever needs the layer sees the failure; a cache that cannot be written must not fail a build.
      .catch(() => {})
      .finally(() => {
        this.#pending.delete(writing);
        this.#options.onRecorded?.(keys);
      });
    this.#pending.add(writing);
  }

  /** What this build made or found, when all layers are packed. */
  async entries(): Promise<CacheEntry[]> {
    await this.flush();
    return [...this.#entries.values()].map(({ keys, record }) => ({ keys: [...keys], record }));
  }

  /** Waits for the records of all layers that are still being packed. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #find(key: string, options: SolveOptions): Promise<StepRecord | undefined> {
    const { read, imported = [], onImport } = this.#options;
    if (!read) return undefined;
    const local = await this.#steps.lookup(key, options);
    if (local !== undefined) return local;
    for (const source of imported) {
      const record = await source.lookup(key, options);
      if (record === undefined) continue;
      onImport?.(record, source);
      return record;
    }
    return undefined;
  }

  #note(keys: readonly string[], record: StepRecord): void {
    const name = `${record.key} ${record.layer.descriptor.digest}`;
    const entry = this.#entries.get(name) ?? { keys: new Set<string>(), record };
    for (const key of keys) entry.keys.add(key);
    this.#entries.set(name, entry);
  }
}
