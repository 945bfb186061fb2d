import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MergedView } from '../../archive/merged-view.ts';
import { readToc } from '../../archive/read-toc.ts';
import { readTocFile, type Toc, writeTocFile } from '../../archive/toc.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { Tree } from './tree.ts';

/** The merged file trees that COPY and WORKDIR look their destinations up in, from tables of contents that are kept by diffID. */
export class TargetViews {
  readonly #intake: LayerIntake;
  readonly #sources: LayerSources;
  readonly #tocs = new Map<Digest, Promise<Toc>>();
  readonly #views = new Map<Digest, Promise<MergedView>>();

  constructor(intake: LayerIntake, sources: LayerSources) {
    this.#intake = intake;
    this.#sources = sources;
  }

  of(tree: Tree, options: IoOptions): Promise<MergedView> {
    let view = this.#views.get(tree.key);
    if (view === undefined) {
      view = this.#view(tree, options);
      this.#views.set(tree.key, view);
    }
    return view;
  }

  /** Paths of the tables of contents, bottom layer first; each exists when this resolves. */
  async paths(tree: Tree, options: IoOptions): Promise<string[]> {
    return await Promise.all(
      tree.layers.map(async ({ stored }) => {
        const { layer } = await stored;
        await this.#toc(layer, options);
        return this.#intake.tocPath(layer.diffId);
      }),
    );
  }

  async #view(tree: Tree, options: IoOptions): Promise<MergedView> {
    const layers = await Promise.all(tree.layers.map(async ({ stored }) => (await stored).layer));
    return new MergedView(await Promise.all(layers.map((layer) => this.#toc(layer, options))));
  }

  #toc(layer: Layer, options: IoOptions): Promise<Toc> {
    let toc = this.#tocs.get(layer.diffId);
    if (toc === undefined) {
      toc = this.#read(layer, options);
      this.#tocs.set(layer.diffId, toc);
    }
    return toc;
  }

  async #read(layer: Layer, options: IoOptions): Promise<Toc> {
    const path = this.#intake.tocPath(layer.diffId);
    try {
      return await readTocFile(path, options);
    } catch (error) {
      // A torn or older file is made again like a missing one.
      if (!isFailure(error, 'NOT_FOUND', 'ARCHIVE')) throw error;
    }
    const blob = createReadStream(await this.#sources.path(layer.descriptor, options));
    const toc = await readToc(blob, layer.diffId, options);
    await mkdir(dirname(path), { recursive: true });
    await writeTocFile(path, toc);
    return toc;
  }
}
