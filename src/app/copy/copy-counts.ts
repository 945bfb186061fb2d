import type { Digest } from '../../lib/digest.ts';
import type { CopyEvent, CopyState } from '../../transfer/copy-graph.ts';

export interface Amount {
  readonly contents: number;
  readonly bytes: number;
}

/** What became of the contents of a copy, each counted once. A manifest that the target had stands for all below it. */
export type CopyCounts = Readonly<Record<CopyState, Amount>>;

/** Sums events up. */
export class CopyCounter {
  readonly #seen = new Set<Digest>();
  readonly #counts: Record<CopyState, { contents: number; bytes: number }> = {
    copied: { contents: 0, bytes: 0 },
    mounted: { contents: 0, bytes: 0 },
    exists: { contents: 0, bytes: 0 },
    foreign: { contents: 0, bytes: 0 },
  };

  add({ descriptor, state }: CopyEvent): void {
    if (this.#seen.has(descriptor.digest)) return;
    this.#seen.add(descriptor.digest);
    this.#counts[state].contents++;
    this.#counts[state].bytes += descriptor.size;
  }

  get counts(): CopyCounts {
    return structuredClone(this.#counts);
  }
}
