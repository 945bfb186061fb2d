import type { Digest } from '../../lib/digest.ts';
import { throwIfAborted } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { referrersTag, subjectTagOf } from '../../oci/referrers-tag.ts';
import { childrenOf, type Document, isDocumentType, parseDocument } from '../document.ts';
import { collect } from '../read-manifest.ts';
import type { IoOptions } from '../store.ts';
import type { BlobDirectory } from './blob-directory.ts';
import { nameOf } from './layout-index.ts';

export interface PruneOptions extends IoOptions {
  /** Contents that stay with all that they reach, besides what has a name: layers that a cache remembers. */
  readonly keep?: Iterable<Digest> | undefined;
  /** Only say what would go. Default false. */
  readonly dryRun?: boolean | undefined;
}

export interface PrunedBlob {
  readonly digest: Digest;
  readonly size: number;
}

export interface Pruned {
  readonly removed: readonly PrunedBlob[];
  /** Nothing that lasts reaches them, but a running process may use them. */
  readonly inUse: readonly PrunedBlob[];
}

/** The media type where something says it: then it decides what is read. */
type Content = Pick<Descriptor, 'digest'> & Partial<Pick<Descriptor, 'mediaType'>>;

interface Candidate {
  readonly digest: Digest;
  readonly size: number;
  readonly document: Document | undefined;
}

/**
 * Removes blobs that no entry reaches (referrers of what is reached are reached). What changed since `usedSince` may be in use and stays with
 * all that it reaches. Documents go before what they point at, so that one that turns out to be used still has all of it, and a killed
 * collection leaves no document without its blobs.
 */
export async function pruneBlobs(
  blobs: BlobDirectory,
  options: PruneOptions & { usedSince: number; entries: readonly Descriptor[] },
): Promise<Pruned> {
  return await new Pruning(blobs, options).run();
}

class Pruning {
  readonly #blobs: BlobDirectory;
  readonly #options: PruneOptions & { usedSince: number; entries: readonly Descriptor[] };
  readonly #reached = new Set<Digest>();
  readonly #documents = new Map<Digest, Document | undefined>();

  constructor(
    blobs: BlobDirectory,
    options: PruneOptions & { usedSince: number; entries: readonly Descriptor[] },
  ) {
    this.#blobs = blobs;
    this.#options = options;
  }

  async run(): Promise<Pruned> {
    const { entries, keep = [] } = this.#options;
    for (const entry of entries) if (await this.#lasts(entry)) await this.#reach([entry]);
    await this.#reach([...keep].map((digest) => ({ digest })));
    const candidates = await this.#candidates();
    const removed: PrunedBlob[] = [];
    const inUse: PrunedBlob[] = [];
    for (const { digest, size } of parentsFirst(candidates)) {
      throwIfAborted(this.#options.signal);
      if (this.#reached.has(digest)) continue;
      const status = await this.#blobs.status(digest);
      if (status === undefined) continue;
      if (status.changed >= this.#options.usedSince) {
        await this.#reach([{ digest }]);
      } else {
        if (!this.#options.dryRun) await this.#blobs.remove(digest);
        removed.push({ digest, size });
      }
    }
    for (const { digest, size } of candidates) if (this.#reached.has(digest)) inUse.push({ digest, size });
    return { removed, inUse };
  }

  /** Names that are kept for what they are about: cosign's tags, fallback indexes of referrers. */
  async #reachCompanions(): Promise<boolean> {
    const tags = new Set([...this.#reached].map((digest) => referrersTag(digest)));
    const found = this.#options.entries.filter((entry) => {
      const subject = subjectTagOf(nameOf(entry) ?? '');
      return subject !== undefined && tags.has(subject) && !this.#reached.has(entry.digest);
    });
    await this.#reach(found);
    return found.length > 0;
  }

  /** What names do not reach; referrers are reached by what they refer to, as often as it takes. */
  async #candidates(): Promise<Candidate[]> {
    let candidates: Candidate[] = [];
    for await (const digest of this.#blobs.digests()) {
      throwIfAborted(this.#options.signal);
      if (this.#reached.has(digest)) continue;
      const size = await this.#blobs.size(digest);
      if (size !== undefined) candidates.push({ digest, size, document: await this.#document({ digest }) });
    }
    for (let again = true; again; ) {
      again = await this.#reachCompanions();
      for (const { digest, document } of candidates) {
        const subject = document?.kind === 'index' ? document.index.subject : document?.manifest.subject;
        if (subject === undefined || !this.#reached.has(subject.digest) || this.#reached.has(digest))
          continue;
        await this.#reach([{ digest }]);
        again = true;
      }
      candidates = candidates.filter(({ digest }) => !this.#reached.has(digest));
    }
    return candidates;
  }

  /** An entry that other tools made without a name is meant to stay too; a referrer only while its subject does. */
  async #lasts(entry: Descriptor): Promise<boolean> {
    const name = nameOf(entry);
    if (name !== undefined) return subjectTagOf(name) === undefined;
    const document = await this.#document(entry);
    return document !== undefined && subjectOf(document) === undefined;
  }

  async #reach(roots: readonly Content[]): Promise<void> {
    const pending = [...roots];
    for (let content = pending.pop(); content !== undefined; content = pending.pop()) {
      if (this.#reached.has(content.digest)) continue;
      this.#reached.add(content.digest);
      const document = await this.#document(content);
      if (document) pending.push(...childrenOf(document));
    }
  }

  async #document(content: Content): Promise<Document | undefined> {
    const { digest } = content;
    if (!this.#documents.has(digest)) this.#documents.set(digest, await this.#read(content));
    return this.#documents.get(digest);
  }

  /**
   * Undefined for what is no manifest or index; a layer is not read for it. What ought to be one and cannot be read ends the collection:
   * what it reaches would be taken for garbage.
   */
  async #read({ digest, mediaType }: Content): Promise<Document | undefined> {
    const isKnown = mediaType !== undefined && isDocumentType(mediaType);
    const size = await this.#blobs.size(digest);
    if (size === undefined || (!isKnown && (mediaType !== undefined || size > maxMetadataBytes)))
      return undefined;
    if (!isKnown && !(await this.#startsAsObject(digest, size))) return undefined;
    const bytes = await collect(await this.#blobs.read({ digest, size }, this.#options));
    try {
      return parseDocument(bytes, digest);
    } catch (error) {
      if (isKnown) throw error;
      return undefined;
    }
  }

  async #startsAsObject(digest: Digest, size: number): Promise<boolean> {
    const start = await collect(await this.#blobs.readRange({ digest, size }, 0, 1, this.#options));
    return start.toString('latin1') === '{';
  }
}

function subjectOf(document: Document): Digest | undefined {
  return (document.kind === 'index' ? document.index : document.manifest).subject?.digest;
}

/** Indexes before their manifests, manifests before their blobs. */
function parentsFirst(candidates: readonly Candidate[]): Candidate[] {
  const known = new Map(candidates.map((candidate) => [candidate.digest, candidate]));
  const done = new Set<Digest>();
  const childrenFirst: Candidate[] = [];
  const visit = (candidate: Candidate): void => {
    if (done.has(candidate.digest)) return;
    done.add(candidate.digest);
    for (const { digest } of candidate.document ? childrenOf(candidate.document) : []) {
      const child = known.get(digest);
      if (child) visit(child);
    }
    childrenFirst.push(candidate);
  };
  for (const candidate of candidates) visit(candidate);
  return childrenFirst.reverse();
}
