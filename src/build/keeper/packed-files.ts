import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { WrittenLayer } from '../../archive/layer-writer.ts';
import { writeTocFile } from '../../archive/toc.ts';
import type { PackedLayer } from './protocol.ts';

/** Where finished layers lie until the main process takes them: on the file system of the store, so that taking is a rename. */
export class PackedFiles {
  readonly #directory: string;
  #next = 1;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** `write` fills a new file and says what is in it. Nothing is left when it fails. */
  async write(write: (path: string) => Promise<WrittenLayer>): Promise<PackedLayer> {
    const path = join(this.#directory, `${this.#next++}.layer`);
    const toc = `${path}.toc`;
    try {
      const layer = await write(path);
      await writeTocFile(toc, layer.toc);
      return { path, toc, descriptor: layer.descriptor, diffId: layer.diffId };
    } catch (error) {
      await rm(path, { force: true });
      await rm(toc, { force: true });
      throw error;
    }
  }
}
