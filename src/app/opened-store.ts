import type { Store } from '../content/store.ts';

/** A store, and what it calls the image that a location means. */
export interface OpenedStore<S extends Store = Store> {
  readonly store: S;
  /** What the store resolves for the location: a digest, a tag, a name of the layout, or in the local store the reference in full. */
  readonly reference: string;
  /** Gives back what an archive holds open. Registries and directories hold nothing. */
  close(): Promise<void>;
}
