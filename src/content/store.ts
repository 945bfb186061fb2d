import type { Readable } from 'node:stream';
import type { Digest } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';

export interface IoOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Bytes that can be read again: a push opens them, and after a broken connection opens them once more, from `offset` bytes on where
 * the target remembers what it has.
 */
export interface Content {
  open(offset?: number, options?: IoOptions): Promise<Readable>;
}

/**
 * A place where content lives: one repository of a registry, an OCI layout, memory. References are the place's own: a tag or a digest.
 * Every store passes `store.suite.ts`.
 */
export interface Store {
  /**
   * The bytes behind a descriptor, through the verifying stream: it errors with CONTENT_INVALID before its end if size or digest differ.
   * NOT_FOUND when the store has no such content.
   */
  fetch(descriptor: Descriptor, options?: IoOptions): Promise<Readable>;
  /** Stores content whose digest is known. Content that is there already is not sent again. */
  push(descriptor: Descriptor, content: Content, options?: IoOptions): Promise<void>;
  exists(descriptor: Descriptor, options?: IoOptions): Promise<boolean>;
  /** The descriptor behind a tag or digest: an index or a manifest. NOT_FOUND when there is none. */
  resolve(reference: string, options?: IoOptions): Promise<Descriptor>;
  /** Points `reference` at an index or manifest that the store has. */
  tag(descriptor: Descriptor, reference: string, options?: IoOptions): Promise<void>;
}

/** Can take content whose digest is known only at its end (packing a layer). */
export interface Ingester {
  ingest(mediaType: string, stream: Readable, options?: IoOptions): Promise<Descriptor>;
}

/** Keeps each blob as a file that other processes of this machine may read. */
export interface FileBacked {
  /** Where a blob that the store has lies. */
  blobPath(digest: Digest): string;
}

/** Can take a blob from another repository of the same registry without its bytes moving. */
export interface Mounter {
  /** Registry host that both repositories must share. */
  readonly registry: string;
  readonly repository: string;
  /** True when the blob is in this repository now; false when the registry wants it sent. */
  mount(descriptor: Descriptor, fromRepository: string, options?: IoOptions): Promise<boolean>;
}

/** Can read a part of a blob. The part is not verified: only the whole has a digest. */
export interface RangeReader {
  fetchRange(descriptor: Descriptor, offset: number, length: number, options?: IoOptions): Promise<Readable>;
}

export interface TagLister {
  listTags(options?: IoOptions): AsyncIterable<string>;
}

export interface Deleter {
  delete(descriptor: Descriptor, options?: IoOptions): Promise<void>;
}

export interface Untagger {
  untag(reference: string, options?: IoOptions): Promise<void>;
}

/** Knows which manifests name another one as their `subject` (distribution-spec, "Listing Referrers"). */
export interface ReferrerLister {
  /** Descriptors with `artifactType` and annotations, as the referrers API gives them; none when nothing refers to `digest`. */
  listReferrers(digest: Digest, options?: IoOptions): AsyncIterable<Descriptor>;
}

/** Gives what a reference stands for together with its bytes: one exchange where `resolve` and `fetch` are two. */
export interface DocumentResolver {
  /** An index or manifest, verified as `fetch` does. NOT_FOUND when there is none. */
  resolveDocument(reference: string, options?: IoOptions): Promise<ResolvedDocument>;
}

export interface ResolvedDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Resolves through mirrors, of which one may have less than the next. */
export interface AlternativeResolver {
  /**
   * What the reference that gave `descriptor` stands for at the next place that has another document for it; undefined when there is none.
   * `reason` is why the first is of no use, for a warning.
   */
  resolveElsewhere(
    descriptor: Descriptor,
    reason: string,
    options?: IoOptions,
  ): Promise<Descriptor | undefined>;
}

/** Can say how large a blob is that it knows by its digest alone. */
export interface SizeLookup {
  /** Bytes; undefined when it has no such content. */
  sizeOf(digest: Digest, options?: IoOptions): Promise<number | undefined>;
}

/** Takes an index or manifest under its name in one exchange, where `push` and `tag` are two or more. */
export interface NamedPusher {
  pushNamed(document: ResolvedDocument, reference: string, options?: IoOptions): Promise<void>;
}

/** Can take over a whole file of this machine without copying it. */
export interface Adopter {
  /** `verified`: the descriptor was computed while the file was written. Default false: its bytes are read and compared. */
  adopt(path: string, descriptor: Descriptor, options?: IoOptions & { verified?: boolean }): Promise<void>;
}

export type Capable<C> = Store & C;

export const canIngest = (store: Store): store is Capable<Ingester> => 'ingest' in store;
export const isFileBacked = (store: Store): store is Capable<FileBacked> => 'blobPath' in store;
export const canMount = (store: Store): store is Capable<Mounter> => 'mount' in store;
export const canReadRange = (store: Store): store is Capable<RangeReader> => 'fetchRange' in store;
export const canListTags = (store: Store): store is Capable<TagLister> => 'listTags' in store;
export const canDelete = (store: Store): store is Capable<Deleter> => 'delete' in store;
export const canUntag = (store: Store): store is Capable<Untagger> => 'untag' in store;
export const canListReferrers = (store: Store): store is Capable<ReferrerLister> => 'listReferrers' in store;
export const canResolveDocument = (store: Store): store is Capable<DocumentResolver> =>
  'resolveDocument' in store;
export const canResolveElsewhere = (store: Store): store is Capable<AlternativeResolver> =>
  'resolveElsewhere' in store;
export const canPushNamed = (store: Store): store is Capable<NamedPusher> => 'pushNamed' in store;
export const canAdopt = (store: Store): store is Capable<Adopter> => 'adopt' in store;
