import type { CacheEntry } from '../../build/cache/record-source.ts';
import { mergeEntries, shardManifest } from '../../build/cache/remote/cache-shard.ts';
import { readEntries } from '../../build/cache/remote/imported-records.ts';
import {
  encodeRecords,
  recordsMediaType,
  type StampedEntry,
} from '../../build/cache/remote/records-document.ts';
import { contentFromBytes } from '../../content/content.ts';
import { readIndex } from '../../content/read-manifest.ts';
import { canListTags, type IoOptions, type Store } from '../../content/store.ts';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Index } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { copyGraphs } from '../../transfer/copy-graph.ts';

export interface PublishCacheOptions extends IoOptions {
  /** Writers of one scope replace each other's part after joining it; writers of different scopes never meet. */
  readonly scope: string;
  /** Seconds since 1970. */
  readonly now: number;
  /** Repositories of the target's registry that a layer may be mounted from. */
  readonly mountFrom?: ((descriptor: Descriptor) => readonly string[]) | undefined;
}

const maxTagLength = 128;
/** How often the index is written again because another writer's part came meanwhile. */
const maxRounds = 20;
const lookedUpAtOnce = 8;

/**
 * Adds a build's steps to the cache that `name` is in `target`. Each scope's part has a tag of its own beside `name`, and `name` is an index
 * of all of them. A writer lists the parts again after it wrote the index: whichever of two is last sees the other's.
 */
export async function publishCache(
  entries: readonly CacheEntry[],
  source: Store,
  target: { readonly store: Store; readonly name: string },
  options: PublishCacheOptions,
): Promise<void> {
  const { store, name } = target;
  const news = entries.map((entry): StampedEntry => ({ ...entry, used: options.now }));
  const layers = new Map(news.map(({ record }) => [record.layer.descriptor.digest, record.layer.descriptor]));
  await copyGraphs(source, store, [...layers.values()], options);
  const part = partTag(name, options.scope);
  const known = await withLayers(store, await entriesOf(store, part, options), options);
  const shard = await pushShard(store, mergeEntries(known, news, options.now), options);
  await store.tag(shard, part, options);
  await writeIndex(store, name, { part, shard }, options);
}

const partInfix = '.cache-';
const scopeDigits = 16;
/** Of an entry of the index: the tag of the part that it is. */
const partAnnotation = 'org.polyarch.cache.part';

function partPrefix(name: string): string {
  return name.slice(0, maxTagLength - partInfix.length - scopeDigits) + partInfix;
}

function partTag(name: string, scope: string): string {
  return partPrefix(name) + hexOf(digestOf(scope)).slice(0, scopeDigits);
}

async function entriesOf(store: Store, tag: string, options: IoOptions): Promise<StampedEntry[]> {
  try {
    return await readEntries(store, await store.resolve(tag, options), options);
  } catch (error) {
    // What cannot be read is written anew.
    if (isFailure(error, 'NOT_FOUND', 'CONTENT_INVALID', 'LIMIT')) return [];
    throw error;
  }
}

/** A registry may have collected a layer since: a manifest that names it would be refused. */
async function withLayers(
  store: Store,
  entries: readonly StampedEntry[],
  options: IoOptions,
): Promise<StampedEntry[]> {
  const pool = new Pool(lookedUpAtOnce);
  const there = await Promise.all(
    entries.map(({ record }) => pool.run(() => store.exists(record.layer.descriptor, options))),
  );
  return entries.filter((_, index) => there[index]);
}

async function pushShard(
  store: Store,
  entries: readonly StampedEntry[],
  options: IoOptions,
): Promise<Descriptor> {
  const config = await pushBytes(store, recordsMediaType, encodeRecords(entries), options);
  const manifest = JSON.stringify(shardManifest(config, entries));
  return await pushBytes(store, mediaTypes.ociManifest, Buffer.from(manifest), options);
}

type Parts = ReadonlyMap<string, Descriptor>;

async function writeIndex(
  store: Store,
  name: string,
  own: { readonly part: string; readonly shard: Descriptor },
  options: IoOptions,
): Promise<void> {
  for (let round = 0; round < maxRounds; round++) {
    const parts = await listParts(store, name, own, options);
    const bytes = Buffer.from(JSON.stringify(indexOf(parts)));
    await store.tag(await pushBytes(store, mediaTypes.ociIndex, bytes, options), name, options);
    const now = indexOf(await listParts(store, name, own, options));
    if (bytes.equals(Buffer.from(JSON.stringify(now)))) return;
  }
  throw failure('CONFLICT', 'write cache', name, `other writers changed it ${maxRounds} times meanwhile`);
}

function indexOf(parts: Parts): Index {
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: sorted.map(([part, { mediaType, digest, size }]) => ({
      mediaType,
      digest,
      size,
      annotations: { [partAnnotation]: part },
    })),
  };
}

/** Parts by their tags; where a store lists no tags, those that the index names now and our own. */
async function listParts(
  store: Store,
  name: string,
  own: { readonly part: string; readonly shard: Descriptor },
  options: IoOptions,
): Promise<Parts> {
  const tags = await listTags(store, partPrefix(name), options);
  if (tags === undefined)
    return new Map([...(await indexedParts(store, name, options)), [own.part, own.shard]]);
  const parts = await Promise.all(
    tags.map(async (tag): Promise<[string, Descriptor]> => [tag, await store.resolve(tag, options)]),
  );
  return new Map(parts);
}

/** Undefined when the store cannot say, or does not let us ask. */
async function listTags(store: Store, prefix: string, options: IoOptions): Promise<string[] | undefined> {
  if (!canListTags(store)) return undefined;
  const tags: string[] = [];
  try {
    for await (const tag of store.listTags(options)) if (tag.startsWith(prefix)) tags.push(tag);
  } catch (error) {
    if (isFailure(error, 'UNAUTHORIZED', 'UNSUPPORTED', 'REGISTRY')) return undefined;
    throw error;
  }
  return tags;
}

async function indexedParts(store: Store, name: string, options: IoOptions): Promise<[string, Descriptor][]> {
  try {
    const { manifests } = await readIndex(store, await store.resolve(name, options), options);
    return manifests.flatMap((entry): [string, Descriptor][] => {
      const part = entry.annotations?.[partAnnotation];
      return part === undefined ? [] : [[part, entry]];
    });
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND', 'CONTENT_INVALID')) return [];
    throw error;
  }
}

async function pushBytes(
  store: Store,
  mediaType: string,
  bytes: Buffer,
  options: IoOptions,
): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes), options);
  return descriptor;
}
