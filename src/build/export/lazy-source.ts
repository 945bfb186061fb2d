import type { Readable } from 'node:stream';
import type { Content, IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

/**
 * Reads from the local store, and what is not there from where the base image lies: a base layer that no step read goes from registry to
 * registry without being kept here.
 */
export class LazySource implements Store {
  readonly #local: Store;
  readonly #remoteOf: (digest: Digest) => Store | undefined;

  constructor(local: Store, remoteOf: (digest: Digest) => Store | undefined) {
    this.#local = local;
    this.#remoteOf = remoteOf;
  }

  async fetch(descriptor: Descriptor, options?: IoOptions): Promise<Readable> {
    const remote = this.#remoteOf(descriptor.digest);
    if (remote === undefined || (await this.#local.exists(descriptor, options))) {
      return await this.#local.fetch(descriptor, options);
    }
    return await remote.fetch(descriptor, options);
  }

  async exists(descriptor: Descriptor, options?: IoOptions): Promise<boolean> {
    if (await this.#local.exists(descriptor, options)) return true;
    return (await this.#remoteOf(descriptor.digest)?.exists(descriptor, options)) ?? false;
  }

  resolve(reference: string, options?: IoOptions): Promise<Descriptor> {
    return this.#local.resolve(reference, options);
  }

  push(descriptor: Descriptor, content: Content, options?: IoOptions): Promise<void> {
    return this.#local.push(descriptor, content, options);
  }

  async tag(descriptor: Descriptor, reference: string): Promise<void> {
    throw failure('STORE', 'tag', reference, `${descriptor.digest} may not be whole in the local store`);
  }
}
