import { readDocument } from '../../content/read-manifest.ts';
import { isAttestation, listPlatforms, type PlatformEntry } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { referenceDigest } from '../../oci/attestation.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { matchPlatforms } from '../../oci/match-platforms.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { DraftStore } from './draft-store.ts';
import type { Rewritten } from './rewritten.ts';

export interface SelectPlatformsOptions extends IoOptions {
  /** Keep the index as it is, with its digest; what it names beside the chosen platforms stays behind. Default: a new index of those alone. */
  readonly sparse?: boolean | undefined;
}

/**
 * The image with some of its platforms, their attestations with them. An image of one platform is itself when that was asked for.
 * PLATFORM_MISSING, with those that there are, when one is not there.
 */
export async function selectPlatforms(
  source: Store,
  root: Descriptor,
  platforms: readonly Platform[],
  options: SelectPlatformsOptions = {},
): Promise<Rewritten> {
  const document = await readDocument(source, root, options);
  const entries = await listPlatforms(source, root, options);
  const chosen = new Map(platforms.map((platform) => [choose(entries, platform, root), platform]));
  if (document.kind === 'manifest') return { source, root };
  const digests = new Set([...chosen.keys()].map(({ digest }) => digest));
  return await keepEntries(source, root, (entry) => digests.has(entry.digest), { ...options, entries });
}

function choose(entries: readonly PlatformEntry[], platform: Platform, root: Descriptor): PlatformEntry {
  const [best] = matchPlatforms(entries, platform);
  if (best) return best;
  const there = [...new Set(entries.map((entry) => formatPlatform(entry.platform)))].join(', ');
  const what = `the image ${root.digest} is not for it`;
  throw failure('PLATFORM_MISSING', 'copy', formatPlatform(platform), what, {
    hint: there === '' ? 'it has no platform at all' : `it has ${there}`,
  });
}

/** What of an image's index `source` really has: an engine that pulled one platform keeps the whole index. */
export async function presentPlatforms(
  source: Store,
  root: Descriptor,
  options: IoOptions = {},
): Promise<Rewritten> {
  const document = await readDocument(source, root, options);
  if (document.kind === 'manifest') return { source, root };
  const present = new Set<Digest>();
  for (const entry of document.index.manifests)
    if (await source.exists(entry, options)) present.add(entry.digest);
  if (present.size === document.index.manifests.length) return { source, root };
  const images = document.index.manifests.filter(
    (entry) => present.has(entry.digest) && !isAttestation(entry),
  );
  if (images.length === 0) {
    throw failure('NOT_FOUND', 'copy', root.digest, 'there is an index, but none of its platforms with it');
  }
  return await keepEntries(source, root, (entry) => present.has(entry.digest), {
    ...options,
    entries: images,
  });
}

/** An index of some of `entries`, in their order, with the attestations that are about those. */
async function keepEntries(
  source: Store,
  root: Descriptor,
  keep: (entry: Descriptor) => boolean,
  options: SelectPlatformsOptions & { entries: readonly Descriptor[] },
): Promise<Rewritten> {
  const document = await readDocument(source, root, options);
  if (document.kind === 'manifest') return { source, root };
  const { index } = document;
  const images = options.entries.filter(keep);
  const kept = new Set<string>(images.map(({ digest }) => digest));
  const isKept = (entry: Descriptor): boolean =>
    isAttestation(entry) ? kept.has(entry.annotations?.[referenceDigest] ?? '') : kept.has(entry.digest);
  const manifests = [...images, ...index.manifests.filter((entry) => isAttestation(entry) && isKept(entry))];
  const all = new Set(index.manifests.map(({ digest }) => digest));
  const whole =
    manifests.length === index.manifests.length && manifests.every(({ digest }) => all.has(digest));
  if (whole) return { source, root };
  if (options.sparse) {
    const left = index.manifests.filter((entry) => !isKept(entry)).map(({ digest }) => digest);
    return { source, root, left: new Set(left) };
  }
  const draft = new DraftStore(source);
  return { source: draft, root: await draft.add(document.mediaType, { ...index, manifests }, root) };
}
