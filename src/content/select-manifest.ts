import { failure } from '../lib/errors.ts';
import { referenceType } from '../oci/attestation.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Index } from '../oci/manifest.ts';
import { matchPlatforms } from '../oci/match-platforms.ts';
import { formatVersionedPlatform, type Platform } from '../oci/platform.ts';
import { readDocument, readImageConfig } from './read-manifest.ts';
import { canResolveElsewhere, type IoOptions, type Store } from './store.ts';

/** How deep indexes may nest: an index that holds itself (through a broken store) or a tower of them ends here. */
export const maxIndexDepth = 4;
/** How many manifests the indexes behind one descriptor may list. */
export const maxIndexEntries = 1000;

/** LIMIT when an index lists more manifests than are read one by one. */
export function checkEntryCount(index: string, count: number): void {
  if (count <= maxIndexEntries) return;
  throw failure('LIMIT', 'read index', index, `more than ${maxIndexEntries} manifests`);
}

/** A manifest's descriptor with the platform that it is for, as its descriptor or else its config spells it. */
export type PlatformEntry = Descriptor & { readonly platform: Platform };

/**
 * The manifest for `platform` behind a descriptor of an index or of one manifest; where a mirror gave the descriptor and its image lacks the
 * platform, behind what the next place has. PLATFORM_MISSING, listing the platforms that there are, when there is none.
 */
export async function selectManifest(
  store: Store,
  descriptor: Descriptor,
  platform: Platform,
  options: IoOptions = {},
): Promise<PlatformEntry> {
  const entries = await listPlatforms(store, descriptor, options);
  const [best] = matchPlatforms(entries, platform);
  if (best) return best;
  if (canResolveElsewhere(store)) {
    const reason = `the image ${descriptor.digest} has no ${formatVersionedPlatform(platform)}`;
    const other = await store.resolveElsewhere(descriptor, reason, options);
    if (other) return await selectManifest(store, other, platform, options);
  }
  const there = entries.map((entry) => formatVersionedPlatform(entry.platform)).join(', ');
  throw failure(
    'PLATFORM_MISSING',
    'select',
    formatVersionedPlatform(platform),
    `the image ${descriptor.digest} is not for it`,
    {
      hint: there === '' ? 'it has no platform at all' : `it has ${there}`,
    },
  );
}

/** Every image manifest behind a descriptor, in the index's order; attestations and artifacts are left out. */
export async function listPlatforms(
  store: Store,
  descriptor: Descriptor,
  options: IoOptions = {},
): Promise<PlatformEntry[]> {
  const listing: Listing = { found: [], listed: 0 };
  await walk(store, descriptor, 0, listing, options);
  return listing.found;
}

interface Listing {
  readonly found: PlatformEntry[];
  /** Entries of all indexes so far: an index that lists another a thousand times means a thousand times its entries. */
  listed: number;
}

/** In-index attestations have the platform unknown/unknown and an annotation that says what they are (BuildKit's attestation-storage.md). */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.[referenceType] !== undefined ||
    (descriptor.platform?.os === 'unknown' && descriptor.platform.architecture === 'unknown')
  );
}

async function walk(
  store: Store,
  descriptor: Descriptor,
  depth: number,
  listing: Listing,
  options: IoOptions,
): Promise<void> {
  const { found } = listing;
  const document = await readDocument(store, descriptor, options);
  if (document.kind === 'index')
    return await walkIndex(store, descriptor, document.index, depth, listing, options);
  if (descriptor.platform) {
    found.push({ ...descriptor, platform: descriptor.platform });
    return;
  }
  // An artifact (its config is no image's) is not for a platform; a config that cannot be read is an error.
  const { config, artifactType } = document.manifest;
  if (artifactType !== undefined || !/\.(?:image\.config|container\.image)\.v1\+json$/.test(config.mediaType))
    return;
  const { os, architecture, variant, ...image } = await readImageConfig(store, config, options);
  const version = image['os.version'];
  found.push({
    ...descriptor,
    platform: {
      os,
      architecture,
      ...(variant === undefined ? {} : { variant }),
      ...(version === undefined ? {} : { 'os.version': version }),
    },
  });
}

async function walkIndex(
  store: Store,
  descriptor: Descriptor,
  index: Index,
  depth: number,
  listing: Listing,
  options: IoOptions,
): Promise<void> {
  if (depth >= maxIndexDepth) {
    throw failure('LIMIT', 'read index', descriptor.digest, `nested more than ${maxIndexDepth} deep`);
  }
  for (const entry of index.manifests) {
    if (isAttestation(entry)) continue;
    if (++listing.listed > maxIndexEntries) {
      throw failure('LIMIT', 'read index', descriptor.digest, `more than ${maxIndexEntries} manifests`);
    }
    // A manifest whose platform the index names is not read: an index of ten platforms costs one request.
    const isLeaf =
      entry.platform !== undefined && !/(?:\.index\.v1|\.manifest\.list\.v2)\+json$/.test(entry.mediaType);
    if (isLeaf && entry.platform) listing.found.push({ ...entry, platform: entry.platform });
    else await walk(store, entry, depth + 1, listing, options);
  }
}
