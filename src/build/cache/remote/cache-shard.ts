import type { Digest } from '../../../lib/digest.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Manifest } from '../../../oci/manifest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { cacheArtifactType, maxEntries, type StampedEntry } from './records-document.ts';

/** Steps that no build made or found for so long are left out when a shard is written anew. */
const keptSeconds = 30 * 24 * 60 * 60;

/** What was known, and what this build knows: equal outcomes joined with all their keys, the most recently used first. */
export function mergeEntries(
  known: readonly StampedEntry[],
  news: readonly StampedEntry[],
  now: number,
): StampedEntry[] {
  const merged = new Map<string, StampedEntry>();
  for (const entry of [...known, ...news]) {
    const name = `${entry.record.key} ${entry.record.layer.descriptor.digest}`;
    const before = merged.get(name);
    const keys = [...new Set([...(before?.keys ?? []), ...entry.keys])].sort();
    merged.set(name, { keys, record: entry.record, used: Math.max(before?.used ?? 0, entry.used) });
  }
  return [...merged.values()]
    .filter((entry) => now - entry.used <= keptSeconds)
    .sort((a, b) => b.used - a.used || (a.record.key < b.record.key ? -1 : 1))
    .slice(0, maxEntries);
}

/** The manifest of one writer's part of a cache: its layers are in `layers`, so that no registry collects them. */
export function shardManifest(config: Descriptor, entries: readonly StampedEntry[]): Manifest {
  const layers = new Map<Digest, Descriptor>();
  for (const { record } of entries) layers.set(record.layer.descriptor.digest, record.layer.descriptor);
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: cacheArtifactType,
    config,
    layers: [...layers.values()],
  };
}
