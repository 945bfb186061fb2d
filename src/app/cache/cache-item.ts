/**
 * `layer`: what a step made, in the local store, with the keys that find it. `content`: in the local store, and neither an image nor a step has it any more.
 * `snapshot`: a layer's files, extracted. `cache-mount`: a directory of `RUN --mount=type=cache`. `source`: a file or git checkout that was fetched. `memo`:
 * what was learnt of a layer or a context, so that it need not be read again.
 */
export type CacheItemKind = 'layer' | 'content' | 'snapshot' | 'cache-mount' | 'source' | 'memo';

export interface CacheItem {
  readonly kind: CacheItemKind;
  /** A digest, an id, or a path below the data directory. */
  readonly id: string;
  /** The diffID of a layer or snapshot, a cache mount's id as the Dockerfile has it. */
  readonly name: string;
  /** Bytes on disk. */
  readonly size: number;
  /** RFC 3339: when something last made or found it. */
  readonly used: string;
  /** An image of the local store has it too: it takes no space of its own. */
  readonly shared: boolean;
}
