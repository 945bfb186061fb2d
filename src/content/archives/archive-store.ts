import type { Readable } from 'node:stream';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure, throwIfAborted } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { readableOf } from '../content.ts';
import { parseDocument } from '../document.ts';
import { findNamed, withoutName } from '../layout/layout-index.ts';
import { collect } from '../read-manifest.ts';
import type { IoOptions, RangeReader, SizeLookup, Store, TagLister } from '../store.ts';
import { verified } from '../verify.ts';
import type { TarFile, TarPlace } from './tar-file.ts';

/** What an archive of images holds, whichever its shape: where each blob lies, and the images by their names. */
export interface ArchiveContents {
  readonly blobs: ReadonlyMap<Digest, TarPlace>;
  /** Manifests that the archive has not as such: made of what it has. */
  readonly made: ReadonlyMap<Digest, Buffer>;
  /** As index.json lists them, in its order; names are annotations. */
  readonly entries: readonly Descriptor[];
  /** The name of an entry as references of this store have it. */
  nameOf(entry: Descriptor): string | undefined;
}

/** Images in a tar that is only read: blobs are read where they lie. References are the archive's names, and digests. */
export class ArchiveStore implements Store, RangeReader, TagLister, SizeLookup {
  readonly #file: TarFile;
  readonly #contents: ArchiveContents;

  constructor(file: TarFile, contents: ArchiveContents) {
    this.#file = file;
    this.#contents = contents;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    throwIfAborted(options.signal);
    const { digest } = descriptor;
    const made = this.#contents.made.get(digest);
    return verified(made ? readableOf(made) : this.#file.stream(this.#place(digest)), descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    throwIfAborted(options.signal);
    const made = this.#contents.made.get(descriptor.digest);
    if (made) return readableOf(made.subarray(offset, offset + length));
    return this.#file.stream(this.#place(descriptor.digest), offset, length);
  }

  async exists(descriptor: Descriptor): Promise<boolean> {
    return (await this.sizeOf(descriptor.digest)) === descriptor.size;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return this.#contents.made.get(digest)?.length ?? this.#contents.blobs.get(digest)?.size;
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    const { entries, nameOf } = this.#contents;
    const missing = (what: string, cause?: unknown) =>
      failure('NOT_FOUND', 'resolve', reference, `${what} in ${this.#file.path}`, { cause });
    if (!isDigest(reference)) {
      const named = entries.find((entry) => nameOf(entry) === reference) ?? findNamed(entries, reference);
      if (named) return withoutName(named);
      throw missing('no such image');
    }
    const listed = entries.find((entry) => entry.digest === reference);
    if (listed) return withoutName(listed);
    const size = await this.sizeOf(reference);
    if (size === undefined || size > maxMetadataBytes) throw missing('no such manifest');
    const descriptor = { mediaType: '', digest: reference, size };
    const bytes = await collect(await this.fetch(descriptor, options));
    try {
      return { ...descriptor, mediaType: parseDocument(bytes, reference).mediaType };
    } catch (error) {
      throw missing('it is a blob, no manifest', error);
    }
  }

  async *listTags(): AsyncIterable<string> {
    for (const entry of this.#contents.entries) {
      const name = this.#contents.nameOf(entry);
      if (name !== undefined) yield name;
    }
  }

  /** As index.json lists them. */
  async entries(): Promise<readonly Descriptor[]> {
    return this.#contents.entries;
  }

  /** Its manifests were made of what it has: their digests are of no registry. */
  get isMade(): boolean {
    return this.#contents.made.size > 0;
  }

  async push(): Promise<void> {
    throw this.#readOnly('add to');
  }

  async tag(): Promise<void> {
    throw this.#readOnly('tag in');
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #place(digest: Digest): TarPlace {
    const place = this.#contents.blobs.get(digest);
    if (place) return place;
    throw failure('NOT_FOUND', 'read', digest, `no such content in ${this.#file.path}`);
  }

  #readOnly(action: string) {
    return failure('UNSUPPORTED', action, this.#file.path, 'an archive is written whole, never added to');
  }
}
