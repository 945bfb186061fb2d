import type { Digest } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';

/** What the cache remembers of a solved step. */
export interface StepRecord {
  /** The key that dependents' keys are made of: equal content under another definition has the same one. */
  readonly key: Digest;
  readonly layer: Layer;
  /** When the layer was first made, seconds since 1970: a cached step keeps it. */
  readonly created: number;
}
