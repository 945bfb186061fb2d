import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { contentFrom } from '../../content/content.ts';
import type { FileBacked, IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { Memo } from '../../lib/memo.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

export interface LayerSourcesOptions {
  onFetch?: ((descriptor: Descriptor) => void) | undefined;
}

/** Brings a layer's blob into the local store when its file is first needed, or never. */
export class LayerSources {
  readonly #local: Store & FileBacked;
  readonly #onFetch: (descriptor: Descriptor) => void;
  readonly #remote = new Map<Digest, Store>();
  readonly #paths = new Memo<string>();
  readonly #left = new Set<Digest>();

  constructor(local: Store & FileBacked, options: LayerSourcesOptions = {}) {
    this.#local = local;
    this.#onFetch = options.onFetch ?? (() => {});
  }

  /** `store` has the blob, should the local store not. */
  register(digest: Digest, store: Store): void {
    this.#remote.set(digest, store);
  }

  /** The store outside that has the blob, if it came from one. */
  remoteOf(digest: Digest): Store | undefined {
    return this.#remote.get(digest);
  }

  /** Nobody in this build wants the blob's file: should its bytes be read, they are not kept here. */
  leave(digest: Digest): void {
    this.#left.add(digest);
  }

  /** The blob's bytes. */
  async read(descriptor: Descriptor, options: IoOptions): Promise<Readable> {
    const remote = this.#left.has(descriptor.digest) ? this.#remote.get(descriptor.digest) : undefined;
    if (remote === undefined || (await this.#local.exists(descriptor, options)))
      return createReadStream(await this.path(descriptor, options));
    this.#onFetch(descriptor);
    return await remote.fetch(descriptor, options);
  }

  /** The path of the blob's file, after bringing it here. Two callers share one transfer. */
  path(descriptor: Descriptor, options: IoOptions): Promise<string> {
    return this.#paths.of(descriptor.digest, () => this.#fetch(descriptor, options), options.signal);
  }

  async #fetch(descriptor: Descriptor, options: IoOptions): Promise<string> {
    const remote = this.#remote.get(descriptor.digest);
    if (remote !== undefined && !(await this.#local.exists(descriptor, options))) {
      this.#onFetch(descriptor);
      await this.#local.push(descriptor, contentFrom(remote, descriptor), options);
    }
    return this.#local.blobPath(descriptor.digest);
  }
}
