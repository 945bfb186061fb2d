import { isObject } from '../../../content/document.ts';
import { readBytes, readDocument, readImageConfig } from '../../../content/read-manifest.ts';
import type { IoOptions, Store } from '../../../content/store.ts';
import { failure } from '../../../lib/errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Manifest } from '../../../oci/manifest.ts';
import type { RecordSource } from '../record-source.ts';
import type { StepRecord } from '../step-record.ts';
import { decodeInline, inlineField } from './inline-records.ts';
import { cacheArtifactType, decodeRecords, recordsMediaType, type StampedEntry } from './records-document.ts';

/** Parts that one cache may have. */
const maxShards = 200;

/** All records of a cache, or of images that carry their own. Reads metadata only. */
export async function importRecords(
  store: Store,
  root: Descriptor,
  options: IoOptions & { origin?: RecordSource['origin'] },
): Promise<RecordSource> {
  const known = new Map<string, StepRecord>();
  for (const { keys, record } of await readEntries(store, root, options)) {
    for (const key of keys) if (!known.has(key)) known.set(key, record);
  }
  return { store, origin: options.origin, lookup: async (key) => known.get(key) };
}

/** The most recently used first. */
export async function readEntries(
  store: Store,
  root: Descriptor,
  options: IoOptions = {},
): Promise<StampedEntry[]> {
  const document = await readDocument(store, root, options);
  if (document.kind === 'manifest') return await readManifestEntries(store, document.manifest, options);
  const { manifests } = document.index;
  if (manifests.length > maxShards) {
    throw failure('LIMIT', 'read cache', root.digest, `more than ${maxShards} parts`);
  }
  const parts = await Promise.all(
    manifests.map(async (entry) => {
      const part = await readDocument(store, entry, options);
      return part.kind === 'manifest' ? await readManifestEntries(store, part.manifest, options) : [];
    }),
  );
  return parts.flat().sort((a, b) => b.used - a.used);
}

async function readManifestEntries(
  store: Store,
  manifest: Manifest,
  options: IoOptions,
): Promise<StampedEntry[]> {
  const { config, artifactType, layers } = manifest;
  if (artifactType === cacheArtifactType && config.mediaType === recordsMediaType) {
    return decodeRecords(await readBytes(store, config, options), config.digest);
  }
  // An attestation, or another artifact.
  if (artifactType !== undefined || !/config|container\.image/.test(config.mediaType)) return [];
  const image = await readImageConfig(store, config, options);
  const field = (image as unknown as Record<string, unknown>)[inlineField];
  return isObject(field) ? decodeInline(field, layers, image.rootfs.diff_ids, config.digest) : [];
}
