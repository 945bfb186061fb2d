import type { Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

/** An image as it will be at the target. */
export interface Rewritten {
  /** Where its contents are read from. */
  readonly source: Store;
  readonly root: Descriptor;
  /** Contents that the root names and that stay behind. Default: none. */
  readonly left?: ReadonlySet<Digest> | undefined;
}
