import type { StepCache } from '../cache/step-cache.ts';
import type { OutcomeCache, SolveOptions } from '../solver/vertex.ts';
import { type Outcome, storedLayer } from './tree.ts';

/** Joins the solver to the step cache: an outcome is recorded when its layer is packed, which may be after the build went on. */
export class LayerOutcomeCache implements OutcomeCache<Outcome> {
  readonly #steps: StepCache;
  readonly #read: boolean;
  readonly #pending = new Set<Promise<void>>();

  /** `read: false` looks nothing up but records what it makes (`--no-cache`). */
  constructor(steps: StepCache, options: { read: boolean }) {
    this.#steps = steps;
    this.#read = options.read;
  }

  async lookup(key: string, options: SolveOptions): Promise<Outcome | undefined> {
    if (!this.#read) return undefined;
    const record = await this.#steps.lookup(key, options);
    return record && { key: record.key, layers: [storedLayer(record.layer, record.created)] };
  }

  async knows(key: string, options: SolveOptions): Promise<boolean> {
    return (await this.lookup(key, options)) !== undefined;
  }

  async record(keys: readonly string[], outcome: Outcome): Promise<void> {
    const [own] = outcome.layers;
    if (own === undefined) return;
    const all = [...keys, ...(outcome.aliases ?? [])];
    const writing = own.stored
      .then(({ layer, created }) => this.#steps.record(all, { key: outcome.key, layer, created }))
      // Whoever needs the layer sees the failure; a cache that cannot be written must not fail a build.
      .catch(() => {})
      .finally(() => this.#pending.delete(writing));
    this.#pending.add(writing);
  }

  /** Waits for the records of all layers that are still being packed. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending);
  }
}
