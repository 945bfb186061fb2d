import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure, throwIfAborted } from '../../lib/errors.ts';
import { withFileLock } from '../../lib/file-lock.ts';
import { readRegularWithin } from '../../lib/read-file-within.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { subjectTagOf } from '../../oci/referrers-tag.ts';
import { isDocumentType, parseDocument, parseObject } from '../document.ts';
import { collect } from '../read-manifest.ts';
import type {
  Adopter,
  Content,
  Deleter,
  FileBacked,
  Ingester,
  IoOptions,
  RangeReader,
  SizeLookup,
  Store,
  TagLister,
  Untagger,
} from '../store.ts';
import { BlobDirectory, sweepLeftovers } from './blob-directory.ts';
import {
  findNamed,
  type LayoutIndex,
  nameOf,
  parseLayoutIndex,
  refName,
  withoutName,
} from './layout-index.ts';
import { Leases } from './leases.ts';
import { type Pruned, type PruneOptions, pruneBlobs } from './prune-blobs.ts';
import { isMissing, storeFailure } from './store-failure.ts';

const lockName = 'index.json.lock';

/** index.json: some hundred thousand names. */
const maxIndexBytes = 128 * 1024 * 1024;

const namesInHint = 20;

export interface StoredContent {
  readonly digest: Digest;
  readonly size: number;
  /** When it was last written, found or resolved: milliseconds since 1970. */
  readonly changed: number;
}

/**
 * An OCI image layout on disk (image-layout.md), which other tools and other processes may use at the same time. A reference is the
 * `org.opencontainers.image.ref.name` of an entry of index.json, or a digest.
 */
export class LayoutStore
  implements Store, Ingester, FileBacked, RangeReader, TagLister, Deleter, Untagger, SizeLookup, Adopter
{
  readonly directory: string;
  readonly #blobs: BlobDirectory;
  readonly #leases: Leases;
  #leased = false;

  private constructor(directory: string) {
    this.directory = directory;
    this.#blobs = new BlobDirectory(directory);
    this.#leases = new Leases(directory);
  }

  /**
   * Opens the layout in `directory`, and makes it unless `create` is false (then NOT_FOUND when it is none). Clears what killed processes
   * left behind.
   */
  static async open(directory: string, options: { create?: boolean } = {}): Promise<LayoutStore> {
    const store = new LayoutStore(directory);
    const marker = join(directory, 'oci-layout');
    try {
      const text = await readRegularWithin(marker, maxMetadataBytes).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
      if (text === undefined && options.create === false) {
        throw failure('NOT_FOUND', 'open', directory, 'not an OCI image layout: it has no file oci-layout', {
          hint: 'name the directory that has oci-layout and index.json, without a file behind it',
        });
      }
      if (text !== undefined && parseObject(text, marker).imageLayoutVersion !== '1.0.0') {
        throw failure('UNSUPPORTED', 'open', directory, 'an OCI image layout of another version than 1.0.0');
      }
      // A layout that may only be read is not prepared: it may lie on a read-only file system.
      if (options.create === false) return store;
      await store.#blobs.prepare();
      await sweepLeftovers(directory, `${lockName}.`);
      if (text === undefined) {
        await store.#edit((entries) => entries);
        await writeFileAtomic(marker, '{"imageLayoutVersion":"1.0.0"}\n');
      }
      return store;
    } catch (error) {
      throw storeFailure('open', directory, error);
    }
  }

  /**
   * From now on, until this process ends, what it writes here, finds to exist or resolves is not collected (`prune`). For whoever builds
   * something out of content that no name holds yet.
   */
  async lease(): Promise<void> {
    try {
      await this.#leases.take();
      this.#leased = true;
    } catch (error) {
      throw storeFailure('lease', this.directory, error);
    }
  }

  /**
   * When the oldest process began that works here under a lease, in milliseconds since 1970 by the file system's clock; Infinity when none does. What was
   * changed since may be in use.
   */
  async usedSince(): Promise<number> {
    try {
      return await this.#leases.oldest();
    } catch (error) {
      throw storeFailure('read', this.directory, error);
    }
  }

  /** Everything that is here, in no order, without a claim to it. */
  async *contents(options: IoOptions = {}): AsyncIterable<StoredContent> {
    for await (const digest of this.#blobs.digests()) {
      throwIfAborted(options.signal);
      const status = await this.#blobs.status(digest);
      if (status !== undefined) yield { digest, ...status };
    }
  }

  /** Removes what no entry of index.json reaches and nobody uses, beside processes that work here under a lease. */
  async prune(options: PruneOptions = {}): Promise<Pruned> {
    try {
      return await this.#leases.collecting(async (usedSince) => {
        const entries = await this.entries();
        const pruned = await pruneBlobs(this.#blobs, { ...options, usedSince, entries });
        if (!options.dryRun) await this.#dropMissing(options);
        return pruned;
      }, options);
    } catch (error) {
      throw storeFailure('prune', this.directory, error);
    }
  }

  /** Entries without a name of their own whose content is gone. */
  async #dropMissing(options: IoOptions): Promise<void> {
    const mayGo = (entry: Descriptor): boolean => {
      const name = nameOf(entry);
      return name === undefined || subjectTagOf(name) !== undefined;
    };
    const missing = new Set<Digest>();
    for (const entry of await this.entries())
      if (mayGo(entry) && (await this.#blobs.size(entry.digest)) === undefined) missing.add(entry.digest);
    if (missing.size === 0) return;
    const isMissed = (entry: Descriptor) => mayGo(entry) && missing.has(entry.digest);
    await this.#edit((entries) => entries.filter((entry) => !isMissed(entry)), options);
  }

  /** Bytes, or undefined when it is not there; under a lease it stays. */
  async #claim(digest: Digest, options: IoOptions): Promise<number | undefined> {
    throwIfAborted(options.signal);
    if (!this.#leased) return await this.#blobs.size(digest);
    const size = await this.#blobs.touch(digest);
    if (size === undefined) return undefined;
    return (await this.#leases.settled(options)) ? await this.#blobs.size(digest) : size;
  }

  /** Its name may go while it is used: what it reaches stays with it. */
  async #claimed(entry: Descriptor, options: IoOptions): Promise<Descriptor> {
    if (this.#leased) await this.#claim(entry.digest, options);
    return withoutName(entry);
  }

  blobPath(digest: Digest): string {
    return this.#blobs.path(digest);
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    return await this.#blobs.read(descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await this.#blobs.readRange(descriptor, offset, length, options);
  }

  async sizeOf(digest: Digest, options: IoOptions = {}): Promise<number | undefined> {
    return await this.#claim(digest, options);
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    return (await this.#claim(descriptor.digest, options)) === descriptor.size;
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    if (await this.exists(descriptor, options)) return;
    await this.#blobs.write(await content.open(0, options), { ...options, expected: descriptor });
  }

  async ingest(mediaType: string, stream: Readable, options: IoOptions = {}): Promise<Descriptor> {
    return { mediaType, ...(await this.#blobs.write(stream, options)) };
  }

  /** See `BlobDirectory.adopt`: `verified` only for a descriptor that was computed while the file was written. */
  async adopt(
    path: string,
    descriptor: Descriptor,
    options: IoOptions & { verified?: boolean } = {},
  ): Promise<void> {
    await this.#blobs.adopt(path, descriptor, options);
  }

  /** Where another process of ours may write a file that `adopt` then takes by a rename. */
  temporaryPath(): string {
    return this.#blobs.temporaryPath();
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    throwIfAborted(options.signal);
    const entries = await this.entries();
    if (!isDigest(reference)) {
      const found = findNamed(entries, reference);
      if (found) return await this.#claimed(found, options);
      const names = entries.flatMap((entry) => nameOf(entry) ?? []).slice(0, namesInHint);
      throw failure('NOT_FOUND', 'resolve', reference, `no such tag in ${this.directory}`, {
        hint: names.length === 0 ? 'it has no tags: @0 is its first image' : `it has ${names.join(', ')}`,
      });
    }
    const listed = entries.find((entry) => entry.digest === reference);
    if (listed) return await this.#claimed(listed, options);
    // A manifest that only an index names: its media type is what its content says.
    const size = await this.#claim(reference, options);
    if (size === undefined || size > maxMetadataBytes) {
      throw failure('NOT_FOUND', 'resolve', reference, `no such manifest in ${this.directory}`);
    }
    const bytes = await collect(await this.#blobs.read({ digest: reference, size }, options));
    try {
      return { mediaType: parseDocument(bytes, reference).mediaType, digest: reference, size };
    } catch (error) {
      throw failure('NOT_FOUND', 'resolve', reference, 'it is a blob, no manifest', { cause: error });
    }
  }

  async tag(descriptor: Descriptor, reference: string, options: IoOptions = {}): Promise<void> {
    if (reference === '' || /[\u0000-\u0020\u007f]/.test(reference)) {
      throw failure('USAGE', 'tag', reference, 'not a name that an OCI layout can hold');
    }
    if (!isDocumentType(descriptor.mediaType)) {
      throw failure(
        'CONTENT_INVALID',
        'tag',
        reference,
        `${descriptor.mediaType} is neither a manifest nor an index`,
      );
    }
    if (!(await this.exists(descriptor, options))) {
      throw failure('NOT_FOUND', 'tag', reference, `no content ${descriptor.digest} in ${this.directory}`);
    }
    const entry = { ...descriptor, annotations: { ...descriptor.annotations, [refName]: reference } };
    await this.#edit(
      (entries) => [...entries.filter((other) => nameOf(other) !== reference), entry],
      options,
    );
  }

  /** An image that index.json lists without a name. One that is listed already stays as it is. */
  async list(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    if (!isDocumentType(descriptor.mediaType) || !(await this.exists(descriptor, options))) {
      throw failure('NOT_FOUND', 'list', descriptor.digest, `no such manifest in ${this.directory}`);
    }
    await this.#edit((entries) => {
      const known = entries.some(({ digest }) => digest === descriptor.digest);
      return known ? entries : [...entries, withoutName(descriptor)];
    }, options);
  }

  async untag(reference: string, options: IoOptions = {}): Promise<void> {
    await this.#edit((entries) => {
      const rest = entries.filter((entry) => nameOf(entry) !== reference);
      if (rest.length === entries.length) throw failure('NOT_FOUND', 'untag', reference, 'no such tag');
      return rest;
    }, options);
  }

  async *listTags(): AsyncIterable<string> {
    for (const entry of await this.entries()) {
      const name = nameOf(entry);
      if (name !== undefined) yield name;
    }
  }

  /** Removes the content and every tag that points at it; what it refers to stays. */
  async delete(descriptor: Descriptor, options: IoOptions = {}): Promise<void> {
    await this.#edit((entries) => entries.filter((entry) => entry.digest !== descriptor.digest), options);
    if (!(await this.#blobs.remove(descriptor.digest))) {
      throw failure('NOT_FOUND', 'delete', descriptor.digest, `no such content in ${this.directory}`);
    }
  }

  /** The entries of index.json as they are, names among their annotations. Entries that are no descriptors are an error. */
  async entries(): Promise<readonly Descriptor[]> {
    return (await this.#readIndex()).manifests;
  }

  async #readIndex(): Promise<LayoutIndex> {
    const path = join(this.directory, 'index.json');
    let bytes: Buffer;
    try {
      bytes = await readRegularWithin(path, maxIndexBytes);
    } catch (error) {
      if (isMissing(error)) return { rest: {}, manifests: [] };
      throw storeFailure('read', path, error);
    }
    return parseLayoutIndex(bytes, path);
  }

  /** Fields that others wrote into index.json are kept. */
  async #edit(
    change: (entries: readonly Descriptor[]) => readonly Descriptor[],
    options: IoOptions = {},
  ): Promise<void> {
    const path = join(this.directory, 'index.json');
    await withFileLock(
      join(this.directory, lockName),
      async () => {
        const { rest, manifests } = await this.#readIndex();
        const changed = change(manifests);
        if (
          changed.length === manifests.length &&
          changed.every((entry, at) => entry === manifests[at]) &&
          rest.schemaVersion === 2
        )
          return;
        const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, ...rest, manifests: changed };
        try {
          await writeFileAtomic(path, `${JSON.stringify(index)}\n`);
        } catch (error) {
          throw storeFailure('write', path, error);
        }
      },
      options,
    );
  }
}
