import type { Digest } from '../../../lib/digest.ts';
import { failure } from '../../../lib/errors.ts';
import type { Descriptor, Layer } from '../../../oci/descriptor.ts';
import type { CacheEntry } from '../record-source.ts';
import { decodeRecords, type StampedEntry } from './records-document.ts';

/** The field of an image's config that carries what its own layers are known by, as BuildKit's `moby.buildkit.cache.v0` does for BuildKit. */
export const inlineField = 'polyarch.cache.v1';

export interface InlineRecords {
  readonly version: 1;
  /** Layers by their position in the image. */
  readonly steps: readonly {
    readonly layer: number;
    readonly keys: readonly string[];
    readonly key: Digest;
    readonly created: number;
  }[];
}

/** Those entries that are layers of the image. */
export function encodeInline(entries: readonly CacheEntry[], layers: readonly Layer[]): InlineRecords {
  const steps = layers.flatMap(({ descriptor }, position) =>
    entries
      .filter(({ record }) => record.layer.descriptor.digest === descriptor.digest)
      .map(({ keys, record }) => ({
        layer: position,
        keys: keys.toSorted(),
        key: record.key,
        created: record.created,
      })),
  );
  return { version: 1, steps };
}

/** CONTENT_INVALID when it does not fit the image that it is in. */
export function decodeInline(
  field: Record<string, unknown>,
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
  thing: string,
): StampedEntry[] {
  const steps: unknown[] = Array.isArray(field.steps) ? field.steps : [];
  const entries = steps.map((step) => {
    const { layer: position, ...rest } = step as Record<string, unknown>;
    const layer = typeof position === 'number' ? layers[position] : undefined;
    const diffId = typeof position === 'number' ? diffIds[position] : undefined;
    if (layer === undefined || diffId === undefined) {
      throw failure('CONTENT_INVALID', 'read cache', thing, 'a step names a layer that the image has not');
    }
    return { ...rest, layer, diffId, used: rest.created };
  });
  return decodeRecords(Buffer.from(JSON.stringify({ version: field.version, entries })), thing);
}
