import { isAttestation } from '../content/select-manifest.ts';
import { type Digest, isDigest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatPlatform, type Platform, parsePlatform, platformsEqual } from '../oci/platform.ts';
import { imagesFirst, subjectOf } from './attestations.ts';
import type { IndexDraft } from './index-draft.ts';
import { describePlatform, platformKey } from './platform-spelling.ts';

/** An entry of an index as a user names it: its platform, or its digest. */
export type EntryName = { readonly platform: Platform } | { readonly digest: Digest };

export function parseEntryName(text: string): EntryName {
  return isDigest(text) ? { digest: text } : { platform: parsePlatform(text) };
}

function formatEntryName(name: EntryName): string {
  return 'digest' in name ? name.digest : formatPlatform(name.platform);
}

function matches(entry: Descriptor, name: EntryName): boolean {
  if ('digest' in name) return entry.digest === name.digest;
  return (
    !isAttestation(entry) && entry.platform !== undefined && platformsEqual(entry.platform, name.platform)
  );
}

/** NOT_FOUND, with what there is. */
function missing(index: string, name: EntryName, draft: IndexDraft) {
  const there = draft.entries.map((entry) => describePlatform(entry.platform)).join(', ');
  return failure('NOT_FOUND', 'find', formatEntryName(name), `${index} has no such entry`, {
    hint: there === '' ? 'it is empty' : `it has ${there}`,
  });
}

/**
 * The draft with more entries; what is said anew of one that is there is added to what was. One of a platform that is there already is an
 * error, unless `replace`: then it takes the place of the other, whose attestations go. USAGE.
 */
export function appendEntries(
  index: string,
  draft: IndexDraft,
  added: readonly Descriptor[],
  options: { replace?: boolean | undefined } = {},
): IndexDraft {
  let entries = [...draft.entries];
  for (const entry of added) {
    const same = entries.find((other) => other.digest === entry.digest && samePlace(other, entry));
    if (same !== undefined) {
      entries = entries.map((other) => (other === same ? unitedEntry(same, entry) : other));
      continue;
    }
    const rival = isAttestation(entry) ? undefined : entries.find((other) => samePlace(other, entry));
    if (rival === undefined) {
      entries.push(entry);
      continue;
    }
    if (!options.replace) {
      throw failure(
        'USAGE',
        'append to',
        index,
        `it has ${describePlatform(rival.platform)} already: ${rival.digest}; new is ${entry.digest}`,
        { hint: '--replace takes the new one' },
      );
    }
    entries = entries.map((other) => (other === rival ? entry : other));
    // An image that another entry still names keeps what is said about it.
    if (entries.some(({ digest }) => digest === rival.digest)) continue;
    entries = entries.filter((other) => subjectOf(other) !== rival.digest);
  }
  return { ...draft, entries: imagesFirst(entries) };
}

function unitedEntry(before: Descriptor, after: Descriptor): Descriptor {
  const annotations = { ...before.annotations, ...after.annotations };
  return { ...before, ...after, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}

function samePlace(a: Descriptor, b: Descriptor): boolean {
  if (isAttestation(a) || isAttestation(b))
    return isAttestation(a) && isAttestation(b) && a.digest === b.digest;
  if (a.platform === undefined || b.platform === undefined) return a.digest === b.digest;
  return platformKey(a.platform) === platformKey(b.platform);
}

/** The draft without the named entries and what is said about them. NOT_FOUND; USAGE when no image would be left. */
export function removeEntries(index: string, draft: IndexDraft, names: readonly EntryName[]): IndexDraft {
  const gone = new Set<Descriptor>();
  for (const name of names) {
    const found = draft.entries.filter((entry) => matches(entry, name));
    if (found.length === 0) throw missing(index, name, draft);
    for (const entry of found) gone.add(entry);
  }
  const kept = draft.entries.filter((entry) => !gone.has(entry));
  const images = new Set(kept.map((entry) => entry.digest));
  const removed = new Set([...gone].map((entry) => entry.digest).filter((digest) => !images.has(digest)));
  const entries = kept.filter((entry) => {
    const subject = subjectOf(entry);
    return subject === undefined || !removed.has(subject as Digest);
  });
  if (!entries.some((entry) => !isAttestation(entry))) {
    throw failure(
      'USAGE',
      'remove from',
      index,
      'no image would be left, and an empty index breaks every pull',
      {
        hint: 'remove the tag instead, or append what shall be there first',
      },
    );
  }
  return { ...draft, entries };
}

/** Fields of a platform: those that are there are set, or taken away when undefined. */
export type PlatformChange = { readonly [field in keyof Platform]?: Platform[field] | undefined };

/** What `annotate` sets: each field that is there; a platform's that is there and undefined or empty goes away, and so do no URLs. */
export interface EntryChange {
  readonly platform?: PlatformChange | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly removeAnnotations?: readonly string[] | undefined;
  readonly urls?: readonly string[] | undefined;
}

/** The draft with one entry changed. NOT_FOUND; USAGE when the name means several, or two entries would be for one platform. */
export function annotateEntry(
  index: string,
  draft: IndexDraft,
  name: EntryName,
  change: EntryChange,
): IndexDraft {
  const found = draft.entries.filter((entry) => matches(entry, name));
  const [entry] = found;
  if (entry === undefined) throw missing(index, name, draft);
  if (found.length > 1) {
    const digests = found.map((other) => `${describePlatform(other.platform)} ${other.digest}`).join(', ');
    throw failure('USAGE', 'annotate', formatEntryName(name), `${index} has ${found.length}: ${digests}`, {
      hint: 'name it by its digest',
    });
  }
  const changed = changedEntry(entry, change);
  const rival = draft.entries.find(
    (other) =>
      other !== entry && !isAttestation(other) && !isAttestation(changed) && samePlace(other, changed),
  );
  if (rival !== undefined && rival.platform !== undefined) {
    throw failure(
      'USAGE',
      'annotate',
      formatEntryName(name),
      `${index} has another entry for ${describePlatform(changed.platform)}: ${rival.digest}`,
    );
  }
  return { ...draft, entries: draft.entries.map((other) => (other === entry ? changed : other)) };
}

function changedEntry(entry: Descriptor, change: EntryChange): Descriptor {
  const { platform, annotations, removeAnnotations, urls } = change;
  const notes = changedAnnotations(entry.annotations, annotations, removeAnnotations);
  const merged = platform === undefined ? entry.platform : withoutEmpty({ ...entry.platform, ...platform });
  if (merged !== undefined && (!merged.os || !merged.architecture)) {
    throw failure('USAGE', 'annotate', entry.digest, 'a platform has an os and an architecture', {
      hint: '--os linux --arch arm64',
    });
  }
  return {
    ...entry,
    ...(merged === undefined ? {} : { platform: merged as Platform }),
    ...(notes === undefined ? {} : { annotations: notes }),
    ...(urls === undefined ? {} : { urls: urls.map(checkedUrl) }),
  };
}

/** OCI image-spec, descriptor.md: URIs. */
function checkedUrl(url: string): string {
  if (URL.canParse(url)) return url;
  throw failure('USAGE', 'annotate', url, 'it is no URL', { hint: '--url https://example.com/blob' });
}

function withoutEmpty(platform: PlatformChange): Partial<Platform> {
  return Object.fromEntries(
    Object.entries(platform).filter(([, value]) => value !== undefined && value.length > 0),
  ) as Partial<Platform>;
}

/** Annotations with some set and some taken away; undefined when there is nothing to say. */
export function changedAnnotations(
  before: Readonly<Record<string, string>> | undefined,
  set: Readonly<Record<string, string>> | undefined,
  remove: readonly string[] | undefined,
): Record<string, string> | undefined {
  if (set === undefined && remove === undefined) return before === undefined ? undefined : { ...before };
  const gone = new Set(remove ?? []);
  return Object.fromEntries(Object.entries({ ...before, ...set }).filter(([key]) => !gone.has(key)));
}
