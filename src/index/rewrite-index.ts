import { parseDocument } from '../content/document.ts';
import { readBytes } from '../content/read-manifest.ts';
import { isAttestation } from '../content/select-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../content/store.ts';
import { type Digest, digestOf } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isManifestType } from '../oci/media-types.ts';
import { type Platform, platformsEqual } from '../oci/platform.ts';
import { attestationsOf, imagesFirst, repoint } from './attestations.ts';
import { type ImageDocuments, readImage, renderImage } from './image/image-documents.ts';
import type { IndexDraft } from './index-draft.ts';
import { describePlatform, platformKey } from './platform-spelling.ts';
import { platformOf } from './read-source.ts';

export interface RewriteOptions extends IoOptions {
  /** Only images of these platforms; the others stay as they are. Default: all. */
  readonly platforms?: readonly Platform[] | undefined;
  /** What becomes of the attestations of a rewritten image: about the new one, or gone. */
  readonly attestations: 'repoint' | 'drop';
}

export interface RewrittenIndex {
  readonly draft: IndexDraft;
  /** New manifests, configs and attestations, to be pushed before the index; configs first. */
  readonly documents: readonly ResolvedDocument[];
  readonly rewritten: readonly {
    readonly platform: string;
    readonly before: Digest;
    readonly after: Digest;
  }[];
}

const rewrittenAtOnce = 8;

/**
 * An index with its images changed one by one: each gets new documents over the layers that `change` leaves it. Nothing is written. USAGE when
 * no image is for the platforms.
 */
export async function rewriteIndex(
  name: string,
  store: Store,
  draft: IndexDraft,
  change: (image: ImageDocuments, entry: Descriptor) => Promise<ImageDocuments> | ImageDocuments,
  options: RewriteOptions,
): Promise<RewrittenIndex> {
  const chosen = draft.entries.filter((entry) => isChosen(entry, options.platforms));
  if (chosen.length === 0) {
    const there = draft.entries.map((entry) => describePlatform(entry.platform)).join(', ');
    throw failure('USAGE', 'change', name, 'no image is for those platforms', { hint: `it has ${there}` });
  }
  const pool = new Pool(rewrittenAtOnce);
  const results = await Promise.all(
    chosen.map((entry) => pool.run(() => rewriteEntry(store, entry, change, options))),
  );
  const documents = results.flatMap((result) => result.documents);
  const replaced = new Map(chosen.map((entry, at) => [entry, results[at]?.entry ?? entry]));
  const images = new Set<string>(
    draft.entries.filter((entry) => !replaced.has(entry)).map((entry) => entry.digest),
  );
  const entries: Descriptor[] = [];
  for (const entry of draft.entries) entries.push(replaced.get(entry) ?? entry);
  for (const [before, after] of replaced) refuseRival(name, before, after, entries);
  let current: readonly Descriptor[] = entries;
  for (const [before, after] of replaced) {
    if (before.digest === after.digest) continue;
    const about = attestationsOf(draft.entries, before.digest);
    const moved =
      options.attestations === 'drop'
        ? []
        : await Promise.all(about.map((entry) => rewriteAttestation(store, entry, after, options)));
    documents.push(...moved.flatMap((one) => one.documents));
    // An image that another entry still names keeps what is said about it.
    const kept = images.has(before.digest) ? current : current.filter((entry) => !about.includes(entry));
    current = [...kept, ...moved.map((one) => one.entry)];
  }
  return {
    draft: { ...draft, entries: imagesFirst(current) },
    documents,
    rewritten: [...replaced].map(([before, after]) => ({
      platform: describePlatform(after.platform),
      before: before.digest,
      after: after.digest,
    })),
  };
}

/** USAGE when an image was given a platform that another entry is for. */
function refuseRival(
  name: string,
  before: Descriptor,
  after: Descriptor,
  entries: readonly Descriptor[],
): void {
  const { platform } = after;
  if (platform === undefined || (before.platform && platformKey(before.platform) === platformKey(platform)))
    return;
  const rival = entries.find(
    (other) =>
      other !== after &&
      !isAttestation(other) &&
      other.platform !== undefined &&
      platformKey(other.platform) === platformKey(platform),
  );
  if (rival === undefined) return;
  const what = `it has another image for ${describePlatform(platform)}: ${rival.digest}`;
  throw failure('USAGE', 'change', name, what, {
    hint: `polyarch index remove ${name} ${rival.digest} takes that out`,
  });
}

function isChosen(entry: Descriptor, platforms: readonly Platform[] | undefined): boolean {
  if (isAttestation(entry) || entry.platform === undefined || !isManifestType(entry.mediaType)) return false;
  const { platform } = entry;
  return platforms === undefined || platforms.some((wanted) => platformsEqual(platform, wanted));
}

async function rewriteEntry(
  store: Store,
  entry: Descriptor,
  change: (image: ImageDocuments, entry: Descriptor) => Promise<ImageDocuments> | ImageDocuments,
  options: IoOptions,
): Promise<{ entry: Descriptor; documents: ResolvedDocument[] }> {
  const before = await readImage(store, entry, options);
  const after = await change(before, entry);
  // Written again without a change the bytes could differ in their spaces alone.
  if (JSON.stringify(after) === JSON.stringify(before)) return { entry, documents: [] };
  const { config, manifest } = renderImage(after);
  const { data: _stale, ...rest } = entry;
  const moved = JSON.stringify(platformOf(after.config)) !== JSON.stringify(platformOf(before.config));
  return {
    entry: {
      ...rest,
      ...manifest.descriptor,
      ...(moved ? { platform: platformOf(after.config) } : {}),
    },
    documents: [config, manifest],
  };
}

/** BuildKit 0.32 names the image in the attestation's `subject` too: that manifest is then written anew. */
async function rewriteAttestation(
  store: Store,
  entry: Descriptor,
  image: Descriptor,
  options: IoOptions,
): Promise<{ entry: Descriptor; documents: ResolvedDocument[] }> {
  const pointed = repoint(entry, image.digest);
  const document = parseDocument(await readBytes(store, entry, options), entry.digest);
  const body = document.kind === 'manifest' ? document.manifest : document.index;
  if (body.subject === undefined) return { entry: pointed, documents: [] };
  const { mediaType, digest, size } = image;
  const bytes = Buffer.from(
    JSON.stringify({ ...body, subject: { ...body.subject, mediaType, digest, size } }),
  );
  const written = { ...pointed, digest: digestOf(bytes), size: bytes.length };
  return { entry: written, documents: [{ descriptor: written, bytes }] };
}
