import type { Readable } from 'node:stream';
import { contentFrom, contentFromBytes } from '../../content/content.ts';
import { MemoryStore } from '../../content/memory-store.ts';
import type { IoOptions, RangeReader, Store } from '../../content/store.ts';
import { digestOf } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

/** Bytes of documents that are kept in memory. */
const maxDraftBytes = 64 * 1024 * 1024;

/**
 * A source with changes over it: documents that were made anew are in memory, layers that were made anew in a store of their own, all else
 * comes from where it was.
 */
export class DraftStore implements Store, RangeReader {
  readonly base: Store;
  readonly #documents = new MemoryStore();
  readonly #layers: Store | undefined;

  readonly #limit: number;
  #bytes = 0;

  /** `layers`: made anew. `limit`: bytes of documents, default `maxDraftBytes`. */
  constructor(base: Store, options: { layers?: Store; limit?: number } = {}) {
    this.base = base;
    this.#layers = options.layers;
    this.#limit = options.limit ?? maxDraftBytes;
  }

  /** A document that only this store has. LIMIT when there are too many. `like` gives what its descriptor keeps: platform, annotations, artifact type. */
  async add(mediaType: string, value: unknown, like: Descriptor): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(value));
    this.#bytes += bytes.length;
    if (this.#bytes > this.#limit) {
      throw failure('LIMIT', 'convert', like.digest, `its manifests have more than ${this.#limit} bytes`);
    }
    const { data: _data, ...kept } = like;
    const descriptor = { ...kept, mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.#documents.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    return await (await this.#place(descriptor)).fetch(descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    _length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await contentFrom(await this.#place(descriptor), descriptor).open(offset, options);
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    return await (await this.#place(descriptor)).exists(descriptor, options);
  }

  async resolve(reference: string, options: IoOptions = {}): Promise<Descriptor> {
    return await this.base.resolve(reference, options);
  }

  push(descriptor: Descriptor): Promise<void> {
    return Promise.reject(failure('STORE', 'write', descriptor.digest, 'a source is only read'));
  }

  tag(descriptor: Descriptor): Promise<void> {
    return Promise.reject(failure('STORE', 'tag', descriptor.digest, 'a source is only read'));
  }

  async #place(descriptor: Descriptor): Promise<Store> {
    if (await this.#documents.exists(descriptor)) return this.#documents;
    if (this.#layers && (await this.#layers.exists(descriptor))) return this.#layers;
    return this.base;
  }
}
