import type { Readable } from 'node:stream';
import { type Digest, digestOf, isDigest } from '../lib/digest.ts';
import { failure, throwIfAborted } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { readableOf } from './content.ts';
import { isDocumentType, parseDocument } from './document.ts';
import { collect } from './read-manifest.ts';
import type {
  Content,
  Deleter,
  Ingester,
  IoOptions,
  RangeReader,
  SizeLookup,
  Store,
  TagLister,
  Untagger,
} from './store.ts';
import { verified } from './verify.ts';

/** A store in memory: for tests, and for a handful of manifests and configs that are made before they are sent. */
export class MemoryStore implements Store, Ingester, RangeReader, TagLister, Deleter, Untagger, SizeLookup {
  readonly #blobs = new Map<Digest, Buffer>();
  readonly #manifests = new Map<Digest, Descriptor>();
  readonly #tags = new Map<string, Descriptor>();

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    throwIfAborted(options.signal);
    return verified(readableOf(this.#blob(descriptor)), descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    throwIfAborted(options.signal);
    return readableOf(this.#blob(descriptor).subarray(offset, offset + length));
  }

  async push(descriptor: Descriptor, content: Content, options: IoOptions = {}): Promise<void> {
    throwIfAborted(options.signal);
    if (!this.#blobs.has(descriptor.digest)) {
      const bytes = await collect(verified(await content.open(0, options), descriptor, options));
      this.#remember(descriptor, bytes);
    }
  }

  async ingest(mediaType: string, stream: Readable, options: IoOptions = {}): Promise<Descriptor> {
    throwIfAborted(options.signal);
    const bytes = await collect(stream);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    this.#remember(descriptor, bytes);
    return descriptor;
  }

  async exists(descriptor: Descriptor): Promise<boolean> {
    return this.#blobs.get(descriptor.digest)?.length === descriptor.size;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return this.#blobs.get(digest)?.length;
  }

  async resolve(reference: string): Promise<Descriptor> {
    const found = isDigest(reference) ? this.#manifests.get(reference) : this.#tags.get(reference);
    if (found) return found;
    throw failure('NOT_FOUND', 'resolve', reference, 'no such manifest');
  }

  async tag(descriptor: Descriptor, reference: string): Promise<void> {
    if (!(await this.exists(descriptor)))
      throw failure('NOT_FOUND', 'tag', reference, `no content ${descriptor.digest}`);
    this.#tags.set(reference, descriptor);
    this.#manifests.set(descriptor.digest, descriptor);
  }

  async untag(reference: string): Promise<void> {
    if (!this.#tags.delete(reference)) throw failure('NOT_FOUND', 'untag', reference, 'no such tag');
  }

  async *listTags(): AsyncIterable<string> {
    yield* this.#tags.keys();
  }

  async delete(descriptor: Descriptor): Promise<void> {
    if (!this.#blobs.delete(descriptor.digest))
      throw failure('NOT_FOUND', 'delete', descriptor.digest, 'no such content');
    this.#manifests.delete(descriptor.digest);
    for (const [name, target] of this.#tags) if (target.digest === descriptor.digest) this.#tags.delete(name);
  }

  #remember(descriptor: Descriptor, bytes: Buffer): void {
    if (isDocumentType(descriptor.mediaType)) {
      const { mediaType } = parseDocument(bytes, descriptor.digest);
      this.#manifests.set(descriptor.digest, { mediaType, digest: descriptor.digest, size: descriptor.size });
    }
    this.#blobs.set(descriptor.digest, bytes);
  }

  #blob(descriptor: Descriptor): Buffer {
    const bytes = this.#blobs.get(descriptor.digest);
    if (bytes) return bytes;
    throw failure('NOT_FOUND', 'read', descriptor.digest, 'no such content');
  }
}
