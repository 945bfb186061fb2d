import type { ResolvedDocument } from '../content/store.ts';
import { digestOf } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Index, maxMetadataBytes } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';

/** What an index will say. Pure data: every change of an index makes another draft, and a draft always renders to the same bytes. */
export interface IndexDraft {
  /** OCI image index or Docker manifest list. */
  readonly mediaType: string;
  /** In the order of the document: images first, then what is said about them. */
  readonly entries: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly subject?: Descriptor | undefined;
  readonly artifactType?: string | undefined;
  /** Fields of an index that was read which no specification of today has: they stay. */
  readonly others?: Readonly<Record<string, unknown>> | undefined;
}

export function draftOf(index: Index, mediaType: string): IndexDraft {
  const {
    manifests,
    annotations,
    subject,
    artifactType,
    schemaVersion: _,
    mediaType: _own,
    ...others
  } = index;
  return { mediaType, entries: manifests, annotations, subject, artifactType, others };
}

/** LIMIT when no registry would take it. */
export function renderIndex(draft: IndexDraft): ResolvedDocument {
  const { mediaType, entries, annotations, subject, artifactType, others } = draft;
  const index: Index = {
    schemaVersion: 2,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    manifests: entries.map(orderedEntry),
    ...(subject === undefined ? {} : { subject: orderedEntry(subject) }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...others,
  };
  const bytes = Buffer.from(JSON.stringify(index, null, 2));
  if (bytes.length > maxMetadataBytes) {
    throw failure(
      'LIMIT',
      'write',
      'index',
      `${bytes.length} bytes, more than the ${maxMetadataBytes} of a manifest`,
    );
  }
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** The fields in the order of OCI's own Go types; empty ones are left out, unknown ones are kept at the end. */
function orderedEntry(entry: Descriptor): Descriptor {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType, ...others } = entry;
  return {
    mediaType,
    digest,
    size,
    ...(urls === undefined || urls.length === 0 ? {} : { urls }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(data === undefined ? {} : { data }),
    ...(platform === undefined ? {} : { platform }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...others,
  };
}

function isDockerList(draft: Pick<IndexDraft, 'mediaType'>): boolean {
  return draft.mediaType === mediaTypes.dockerManifestList;
}

/** What the draft says that Docker's manifest list has no field for. */
export function beyondDockerList(draft: IndexDraft): string | undefined {
  if (draft.subject !== undefined) return 'a subject';
  if (draft.artifactType !== undefined) return 'an artifact type';
  const annotated = [draft, ...draft.entries].some(
    ({ annotations }) => Object.keys(annotations ?? {}).length > 0,
  );
  return annotated ? 'annotations' : undefined;
}

/** USAGE when the draft is a Docker list that has no place for what it says. `thing` is the index's name, `hint` a way out. */
export function checkDockerList(draft: IndexDraft, thing: string, hint: string): void {
  const field = isDockerList(draft) ? beyondDockerList(draft) : undefined;
  if (field === undefined) return;
  throw failure('USAGE', 'write', thing, `a Docker manifest list has no place for ${field}`, { hint });
}
