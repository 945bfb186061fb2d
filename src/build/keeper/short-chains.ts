import { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';

export interface ShortChainsOptions {
  /** Whether one mount takes lower directories of these names, and an upper one. */
  readonly fits: (lowers: readonly string[]) => boolean;
  /** Puts layers together, bottom first, in a directory of its own. Returns that snapshot's id. */
  readonly merge: (ids: readonly string[]) => Promise<string>;
}

/**
 * Chains of layers that are longer than one mount takes: the lowest ones that fit count as one layer, and again until all do. A chain that grows
 * by a step at a time begins with the same ones, which are put together once.
 */
export class ShortChains {
  readonly #options: ShortChainsOptions;
  readonly #merged = new Map<string, Promise<string>>();

  constructor(options: ShortChainsOptions) {
    this.#options = options;
  }

  /** The same tree in fewer layers. Ids, bottom first. */
  async of(ids: readonly string[]): Promise<readonly string[]> {
    let chain = ids;
    for (let count = this.#longest(chain); count < chain.length; count = this.#longest(chain)) {
      chain = [await this.#merge(chain.slice(0, count)), ...chain.slice(count)];
    }
    return chain;
  }

  /** How many of the lowest layers fit one mount. */
  #longest(ids: readonly string[]): number {
    const fits = (count: number): boolean =>
      this.#options.fits(ids.slice(0, count).map(SnapshotDirectory.files));
    if (fits(ids.length)) return ids.length;
    let [low, high] = [2, ids.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fits(middle)) low = middle;
      else high = middle;
    }
    return low;
  }

  #merge(ids: readonly string[]): Promise<string> {
    const key = ids.join(' ');
    let merged = this.#merged.get(key);
    if (merged === undefined) {
      merged = this.#options.merge(ids);
      this.#merged.set(key, merged);
      merged.catch(() => this.#merged.delete(key));
    }
    return merged;
  }
}
