import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { WrittenLayer } from '../../archive/layer-writer.ts';
import { writeTocFile } from '../../archive/toc.ts';
import type { Adopter } from '../../content/store.ts';
import { type Digest, hexOf } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { PackedLayer } from '../keeper/protocol.ts';

/** A store that takes over files, and says where to write them so that taking is a rename. */
export interface LayerHome extends Adopter {
  /** A path that does not exist. */
  temporaryPath(): string;
}

/** Takes packed layers from files into the store, and their tables of contents beside it. */
export class LayerIntake {
  readonly #store: LayerHome;
  readonly #tocs: string;

  constructor(store: LayerHome, options: { tocDirectory: string }) {
    this.#store = store;
    this.#tocs = options.tocDirectory;
  }

  temporaryPath(): string {
    return this.#store.temporaryPath();
  }

  /** A layer that this process wrote, hashing as it went. */
  async takeWritten(path: string, { descriptor, diffId, toc }: WrittenLayer): Promise<Layer> {
    await mkdir(this.#tocs, { recursive: true });
    await writeTocFile(this.tocPath(diffId), toc);
    return await this.#adopt(path, { descriptor, diffId });
  }

  /** A layer that the keeper packed. */
  async take({ path, toc, descriptor, diffId }: PackedLayer): Promise<Layer> {
    await mkdir(this.#tocs, { recursive: true });
    await rename(toc, this.tocPath(diffId));
    return await this.#adopt(path, { descriptor, diffId });
  }

  async #adopt(path: string, layer: Layer): Promise<Layer> {
    await this.#store.adopt(path, layer.descriptor, { verified: true });
    return layer;
  }

  /** Where a layer's table of contents lies, if it was read or written before. */
  tocPath(diffId: Digest): string {
    return join(this.#tocs, `${hexOf(diffId)}.json`);
  }
}
