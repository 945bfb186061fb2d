import { isDescriptor, isObject, parseObject } from '../../../content/document.ts';
import { isDigest } from '../../../lib/digest.ts';
import { failure } from '../../../lib/errors.ts';
import type { CacheEntry } from '../record-source.ts';

/** Of the manifests that hold cached layers. */
export const cacheArtifactType = 'application/vnd.polyarch.cache.v1';
/** Of their configs: what each layer is known by. */
export const recordsMediaType = 'application/vnd.polyarch.cache.records.v1+json';

/** Steps that one manifest may hold: as many layers as registries take in one. */
export const maxEntries = 1000;
const maxKeysOfEntry = 100;

export interface StampedEntry extends CacheEntry {
  /** When a build last made or found it, seconds since 1970. */
  readonly used: number;
}

export function encodeRecords(entries: readonly StampedEntry[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      version: 1,
      entries: entries.map(({ keys, record, used }) => ({
        keys,
        key: record.key,
        diffId: record.layer.diffId,
        layer: record.layer.descriptor,
        created: record.created,
        used,
      })),
    }),
  );
}

/** CONTENT_INVALID unless every field is what it should be: whoever may write to the cache's repository wrote it. */
export function decodeRecords(bytes: Uint8Array, thing: string): StampedEntry[] {
  const value = parseObject(bytes, thing);
  const refuse = (what: string) => failure('CONTENT_INVALID', 'read cache', thing, what);
  if (value.version !== 1) throw refuse('it is of another version');
  if (!Array.isArray(value.entries)) throw refuse('it has no entries');
  if (value.entries.length > maxEntries) {
    throw failure('LIMIT', 'read cache', thing, `more than ${maxEntries} steps`);
  }
  return value.entries.map((entry: unknown) => {
    const decoded = decodeEntry(entry);
    if (decoded === undefined) throw refuse('an entry names no layer and keys');
    return decoded;
  });
}

function decodeEntry(value: unknown): StampedEntry | undefined {
  if (!isObject(value)) return undefined;
  const { keys, key, diffId, layer, created, used } = value;
  if (!Array.isArray(keys) || keys.length > maxKeysOfEntry) return undefined;
  if (!keys.every((text) => typeof text === 'string' && isDigest(text))) return undefined;
  if (typeof key !== 'string' || !isDigest(key) || typeof diffId !== 'string' || !isDigest(diffId))
    return undefined;
  if (!isDescriptor(layer) || !isTime(created) || !isTime(used)) return undefined;
  const { mediaType, digest, size } = layer;
  const record = { key, created, layer: { descriptor: { mediaType, digest, size }, diffId } };
  return { keys: keys as string[], record, used };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
