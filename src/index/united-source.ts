import type { Readable } from 'node:stream';
import { contentFrom, contentFromBytes } from '../content/content.ts';
import { childrenOf, isDocumentType, parseDocument } from '../content/document.ts';
import { readBytes } from '../content/read-manifest.ts';
import { canMount, type IoOptions, type RangeReader, type Store } from '../content/store.ts';
import { verified } from '../content/verify.ts';
import type { Digest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/**
 * Several stores that are read as one: it knows where each root is, and learns with each manifest that it reads where the manifest's
 * contents are. Nothing can be written to it.
 */
export class UnitedSource implements Store, RangeReader {
  readonly #places = new Map<Digest, Store>();

  constructor(roots: Iterable<readonly [descriptor: Descriptor, store: Store]>) {
    for (const [descriptor, store] of roots) this.#learn(descriptor, store);
  }

  async fetch(descriptor: Descriptor, options: IoOptions = {}): Promise<Readable> {
    const store = this.#place(descriptor);
    if (!isDocumentType(descriptor.mediaType)) return await store.fetch(descriptor, options);
    const bytes = await readBytes(store, descriptor, options);
    for (const child of childrenOf(parseDocument(bytes, descriptor.digest))) this.#learn(child, store);
    return verified(await contentFromBytes(bytes).open(), descriptor, options);
  }

  async fetchRange(
    descriptor: Descriptor,
    offset: number,
    _length: number,
    options: IoOptions = {},
  ): Promise<Readable> {
    return await contentFrom(this.#place(descriptor), descriptor).open(offset, options);
  }

  async exists(descriptor: Descriptor, options: IoOptions = {}): Promise<boolean> {
    return (await this.#places.get(descriptor.digest)?.exists(descriptor, options)) ?? false;
  }

  /** The repository of `registry` that has a content, for a mount. */
  repositoryOf(descriptor: Descriptor, registry: string): string[] {
    const store = this.#places.get(descriptor.digest);
    return store !== undefined && canMount(store) && store.registry === registry ? [store.repository] : [];
  }

  resolve(reference: string): Promise<Descriptor> {
    return Promise.reject(failure('NOT_FOUND', 'resolve', reference, 'united sources have no names'));
  }

  push(descriptor: Descriptor): Promise<void> {
    return Promise.reject(this.#readOnly(descriptor));
  }

  tag(descriptor: Descriptor): Promise<void> {
    return Promise.reject(this.#readOnly(descriptor));
  }

  /** The first store that a content was seen in stays its place. */
  #learn(descriptor: Descriptor, store: Store): void {
    if (!this.#places.has(descriptor.digest)) this.#places.set(descriptor.digest, store);
  }

  #place(descriptor: Descriptor): Store {
    const store = this.#places.get(descriptor.digest);
    if (store !== undefined) return store;
    throw failure('NOT_FOUND', 'read', descriptor.digest, 'no source has it');
  }

  #readOnly(descriptor: Descriptor) {
    return failure('STORE', 'write', descriptor.digest, 'sources are only read');
  }
}
