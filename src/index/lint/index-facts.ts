import { type Document, parseDocument } from '../../content/document.ts';
import { readImageConfig, resolveDocument } from '../../content/read-manifest.ts';
import { isAttestation, maxIndexEntries } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, isFailure, reasonOf } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Platform } from '../../oci/platform.ts';
import { draftOf, type IndexDraft } from '../index-draft.ts';
import { isImageConfig, platformOf } from '../read-source.ts';

/** What is really behind an entry's digest. */
export type ChildFacts =
  | { readonly state: 'missing' }
  /** There, and not what a manifest is: the reason. */
  | { readonly state: 'unreadable'; readonly reason: string }
  | {
      readonly state: 'read';
      readonly size: number;
      readonly document: Document;
      /** Of the image's config; absent for artifacts, attestations and nested indexes. */
      readonly platform?: Platform;
    };

/** An index and everything that rules look at: read before, so that they are pure. */
export interface IndexFacts {
  readonly name: string;
  /** As the registry names it. */
  readonly mediaType: string;
  readonly draft: IndexDraft;
  readonly children: ReadonlyMap<Digest, ChildFacts>;
}

const readAtOnce = 8;

/** Reads an index, every child's manifest and every image's config. USAGE when it is one image; LIMIT. */
export async function readIndexFacts(
  index: { name: string; store: Store; reference: string },
  options: IoOptions = {},
): Promise<IndexFacts> {
  const { name, store, reference } = index;
  const { descriptor, bytes } = await resolveDocument(store, reference, options);
  const document = parseDocument(bytes, name);
  if (document.kind !== 'index') {
    throw failure('USAGE', 'check', name, 'it is one image, not an index', {
      hint: `polyarch inspect ${name}`,
    });
  }
  const draft = draftOf(document.index, document.index.mediaType ?? descriptor.mediaType);
  if (draft.entries.length > maxIndexEntries) {
    throw failure('LIMIT', 'check', name, `more than ${maxIndexEntries} manifests`);
  }
  const pool = new Pool(readAtOnce);
  const unique = new Map(draft.entries.map((entry) => [entry.digest, entry]));
  const read = await Promise.all(
    [...unique].map(
      async ([digest, entry]) => [digest, await pool.run(() => readChild(store, entry, options))] as const,
    ),
  );
  return { name, mediaType: descriptor.mediaType, draft, children: new Map(read) };
}

/** By its digest alone: the entry's size and type are what is to be checked. */
async function readChild(store: Store, entry: Descriptor, options: IoOptions): Promise<ChildFacts> {
  try {
    const { bytes } = await resolveDocument(store, entry.digest, options);
    const document = parseDocument(bytes, entry.digest);
    const facts = { state: 'read', size: bytes.length, document } as const;
    if (document.kind !== 'manifest' || document.manifest.artifactType !== undefined) return facts;
    const { config } = document.manifest;
    if (isAttestation(entry) || !isImageConfig(config)) return facts;
    return { ...facts, platform: platformOf(await readImageConfig(store, config, options)) };
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return { state: 'missing' };
    if (isFailure(error, 'CONTENT_INVALID')) return { state: 'unreadable', reason: reasonOf(error) };
    throw error;
  }
}
