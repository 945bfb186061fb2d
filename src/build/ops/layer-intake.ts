import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, hexOf } from '../../lib/digest.ts';
import type { Descriptor, Layer } from '../../oci/descriptor.ts';
import type { PackedLayer } from '../keeper/protocol.ts';

/** A store that takes over a file which one of our own processes wrote and hashed. */
export interface Adopter {
  /** A path in the store's own file system that does not exist. */
  temporaryPath(): string;
  adopt(path: string, descriptor: Descriptor): Promise<unknown>;
}

/** Takes packed layers from files into the store, and their tables of contents beside it. */
export class LayerIntake {
  readonly #store: Adopter;
  readonly #tocs: string;

  constructor(store: Adopter, options: { tocDirectory: string }) {
    this.#store = store;
    this.#tocs = options.tocDirectory;
  }

  temporaryPath(): string {
    return this.#store.temporaryPath();
  }

  async adopt(path: string, { descriptor, diffId }: Layer): Promise<Layer> {
    await this.#store.adopt(path, descriptor);
    return { descriptor, diffId };
  }

  /** A layer that the keeper packed. */
  async take(packed: PackedLayer): Promise<Layer> {
    const toc = this.tocPath(packed.diffId);
    await mkdir(dirname(toc), { recursive: true });
    await rename(packed.toc, toc);
    return await this.adopt(packed.path, packed);
  }

  /** Where a layer's table of contents lies, if it was read or written before. */
  tocPath(diffId: Digest): string {
    return join(this.#tocs, `${hexOf(diffId)}.json`);
  }
}
