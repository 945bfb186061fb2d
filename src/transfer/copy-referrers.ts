import { contentFromBytes } from '../content/content.ts';
import { readDocument, readIndex } from '../content/read-manifest.ts';
import { referrerDescriptor } from '../content/referrer-descriptor.ts';
import { canListReferrers, type IoOptions, type Store } from '../content/store.ts';
import { type Digest, digestOf } from '../lib/digest.ts';
import { failure, isFailure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { referrersTag } from '../oci/referrers-tag.ts';
import { type CopyGraphOptions, copyGraphs } from './copy-graph.ts';
import { type Referrer, Referrers } from './referrers.ts';

/** A signature of an SBOM of an image is two deep; more than this goes in a circle. */
const maxReferrerDepth = 4;
const askedAtOnce = 8;

/** One end of a copy: the store, and what it calls a tag that lies beside the image. */
export interface ReferrerPlace {
  readonly store: Store;
  /** Default: the tag itself. */
  readonly nameOf?: ((tag: string) => string) | undefined;
  /** Kept by whoever copies several images of one repository: its tags are listed once. Default: one for this copy. */
  readonly referrers?: Referrers | undefined;
}

/**
 * Brings what refers to `subjects` along, and what refers to that: manifests with a `subject` (listed by the registry itself, or in the fallback
 * tag's index, which is extended where the target has no list of its own), and cosign's tags. Resolves to what was found, each once.
 */
export async function copyReferrers(
  source: ReferrerPlace,
  target: ReferrerPlace,
  subjects: readonly Digest[],
  options: Omit<CopyGraphOptions, 'tag'> = {},
): Promise<Referrer[]> {
  const from = source.referrers ?? new Referrers(source.store, source);
  const to = new Referrers(target.store, target);
  const seen = new Map<Digest, Referrer>();
  let asked: readonly Digest[] = subjects;
  for (let depth = 0; asked.length > 0; depth++) {
    if (depth > maxReferrerDepth) {
      throw failure(
        'LIMIT',
        'copy referrers of',
        subjects[0] ?? '',
        `referrers of referrers more than ${maxReferrerDepth} deep`,
      );
    }
    const pool = new Pool(askedAtOnce);
    const found = await Promise.all(
      asked.map((subject) => pool.run(async () => ({ subject, referrers: await from.of(subject, options) }))),
    );
    const next: Digest[] = [];
    for (const { subject, referrers } of found.filter((one) => one.referrers.length > 0)) {
      await bring(source.store, target, subject, referrers, to, options);
      for (const referrer of referrers) {
        if (seen.has(referrer.descriptor.digest)) continue;
        seen.set(referrer.descriptor.digest, referrer);
        next.push(referrer.descriptor.digest);
      }
    }
    asked = next;
  }
  return [...seen.values()];
}

async function bring(
  source: Store,
  target: ReferrerPlace,
  subject: Digest,
  referrers: readonly Referrer[],
  to: Referrers,
  options: Omit<CopyGraphOptions, 'tag'>,
): Promise<void> {
  const there = await to.of(subject, options);
  const listed = new Set(
    there.filter(({ tag }) => tag === undefined).map(({ descriptor }) => descriptor.digest),
  );
  const tagged = new Map(there.map(({ tag, descriptor }) => [tag, descriptor.digest]));
  const missing = referrers.filter(({ descriptor, tag }) =>
    tag === undefined ? !listed.has(descriptor.digest) : tagged.get(tag) !== descriptor.digest,
  );
  if (missing.length === 0) return;
  await copyGraphs(
    source,
    target.store,
    missing.map(({ descriptor }) => descriptor),
    options,
  );
  if (options.dryRun) return;
  const nameOf = target.nameOf ?? ((tag: string) => tag);
  for (const { tag, descriptor } of missing) {
    if (tag !== undefined) await target.store.tag(descriptor, nameOf(tag), options);
  }
  const subjects = missing.filter(({ tag }) => tag === undefined).map(({ descriptor }) => descriptor);
  if (subjects.length > 0)
    await register(target.store, nameOf(referrersTag(subject)), subject, subjects, options);
}

/**
 * Sees to it that the target lists the referrers: a registry with the API does so by itself; elsewhere the client writes the index behind the
 * fallback tag (distribution-spec, "Pushing Manifests with Subject"). Others may write it at the same time: it is read again afterwards.
 */
async function register(
  target: Store,
  fallback: string,
  subject: Digest,
  referrers: readonly Descriptor[],
  options: IoOptions,
): Promise<void> {
  const tries = 3;
  for (let attempt = 1; ; attempt++) {
    const listed = await listedAt(target, fallback, subject, options);
    const missing = referrers.filter(({ digest }) => !listed.some((one) => one.digest === digest));
    if (missing.length === 0) return;
    if (attempt > tries) {
      throw failure('CONFLICT', 'list referrers of', subject, 'somebody else keeps changing the list', {
        hint: 'run the command again',
      });
    }
    const manifests = [
      ...listed,
      ...(await Promise.all(missing.map((one) => described(target, one, options)))),
    ];
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    );
    const index = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
    await target.push(index, contentFromBytes(bytes), options);
    await target.tag(index, fallback, options);
  }
}

async function listedAt(
  target: Store,
  fallback: string,
  subject: Digest,
  options: IoOptions,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  if (canListReferrers(target)) {
    for await (const descriptor of target.listReferrers(subject, options)) found.push(descriptor);
    return found;
  }
  try {
    return (await readIndex(target, await target.resolve(fallback, options), options)).manifests;
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return found;
    throw error;
  }
}

/** As the list has it: with the artifact type and annotations that the manifest itself says. */
async function described(store: Store, descriptor: Descriptor, options: IoOptions): Promise<Descriptor> {
  return referrerDescriptor(await readDocument(store, descriptor, options), descriptor);
}
