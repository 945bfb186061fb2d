import type { RecordSource } from '../../build/cache/record-source.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';

/** A source that a registry stops serving in the middle of a build is asked no more: a cache fails no build. `onFailure` is told once. */
export function whileItAnswers(source: RecordSource, onFailure: (message: string) => void): RecordSource {
  let failed = false;
  return {
    store: source.store,
    origin: source.origin,
    async lookup(key, options) {
      if (failed) return undefined;
      try {
        return await source.lookup(key, options);
      } catch (error) {
        if (!isFailure(error, 'UNAUTHORIZED', 'NETWORK', 'REGISTRY')) throw error;
        if (!failed) onFailure(reasonOf(error));
        failed = true;
        return undefined;
      }
    },
  };
}
