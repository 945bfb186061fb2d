import type { SizeLookup, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';

/** What a repository has to be able to do; ranges, deletion, tag lists and referrers are served when its store can. */
export type RepositoryStore = Store & SizeLookup;

/** The repositories that a registry serves. Names were validated. */
export interface Repositories {
  /** Where uploads in the making are kept: best on the file system of the blobs, so that a finished one is renamed. */
  readonly uploads: string;
  /** The store behind a name, also of a repository that holds nothing yet: a first push makes it. */
  open(name: string): RepositoryStore;
  has(name: string): Promise<boolean>;
  names(): AsyncIterable<string>;
  /** Makes a blob of one repository part of another without copying it; false when that cannot be. */
  mount(digest: Digest, from: string, to: string): Promise<boolean>;
}

/** Serves stores that somebody else made: one a name, by `open`, which is asked once for each. */
export function repositoriesFrom(open: (name: string) => RepositoryStore, uploads: string): Repositories {
  const stores = new Map<string, RepositoryStore>();
  return {
    uploads,
    open(name) {
      let store = stores.get(name);
      if (!store) {
        store = open(name);
        stores.set(name, store);
      }
      return store;
    },
    has: async (name) => stores.has(name),
    async *names() {
      yield* stores.keys();
    },
    mount: async () => false,
  };
}
