/** What happens with caches. None of it fails a build by itself. */
export type CacheEvent =
  | { readonly type: 'cache-imported'; readonly cache: string }
  /** It could not be read, or is not there yet: the build goes on without. */
  | { readonly type: 'cache-unusable'; readonly cache: string; readonly message: string }
  | { readonly type: 'cache-exported'; readonly cache: string; readonly steps: number }
  /** What builds left on this machine went beyond the policy (`--gc`). Bytes. */
  | {
      readonly type: 'cache-collected';
      readonly removed: number;
      readonly bytes: number;
      readonly left: number;
    };
