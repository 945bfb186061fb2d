import type { Store } from '../content/store.ts';
import type { Referrers } from '../transfer/referrers.ts';

/** A store, and what it calls the image that a location means. */
export interface OpenedStore<S extends Store = Store> {
  readonly store: S;
  /** What the store resolves for the location: a digest, a tag, a name of the layout, or in the local store the reference in full. */
  readonly reference: string;
  /** What the store calls a tag that lies beside the image, such as a signature's; absent where nothing does. */
  readonly sibling?: ((tag: string) => string) | undefined;
  /** Kept where several images of one repository are copied. */
  readonly referrers?: Referrers | undefined;
  /** An index may name manifests that are not there: engines keep the index of what they pulled for one platform. */
  readonly incomplete?: boolean | undefined;
  /** It has no manifests of its own, and layers as plain tars: there is no digest to keep. */
  readonly withoutManifests?: boolean | undefined;
  /** Gives back what an archive holds open. Registries and directories hold nothing. */
  close(): Promise<void>;
}
