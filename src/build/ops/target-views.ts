import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LayeredView } from '../../archive/layered-view.ts';
import { writeTocFile } from '../../archive/toc.ts';
import { TocFile } from '../../archive/toc-file.ts';
import type { IoOptions } from '../../content/store.ts';
import { isFailure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { Tree } from './tree.ts';

/** The file trees that COPY and WORKDIR look their destinations up in, from tables of contents that are kept by diffID. */
export class TargetViews {
  readonly #intake: LayerIntake;
  readonly #sources: LayerSources;
  readonly #tocs = new Memo<TocFile>();
  readonly #views = new Memo<LayeredView>();

  constructor(intake: LayerIntake, sources: LayerSources) {
    this.#intake = intake;
    this.#sources = sources;
  }

  of(tree: Tree, options: IoOptions): Promise<LayeredView> {
    return this.#views.of(tree.key, () => this.#view(tree, options), options.signal);
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

  async #view(tree: Tree, options: IoOptions): Promise<LayeredView> {
    const layers = await Promise.all(tree.layers.map(async ({ stored }) => (await stored).layer));
    return new LayeredView(await Promise.all(layers.map((layer) => this.#toc(layer, options))));
  }

  #toc(layer: Layer, options: IoOptions): Promise<TocFile> {
    return this.#tocs.of(layer.diffId, () => this.#read(layer, options), options.signal);
  }

  async #read(layer: Layer, options: IoOptions): Promise<TocFile> {
    const path = this.#intake.tocPath(layer.diffId);
    try {
      return await TocFile.open(path);
    } catch (error) {
      // A torn or older file is made again like a missing one.
      if (!isFailure(error, 'NOT_FOUND', 'ARCHIVE')) throw error;
    }
    const blob = await this.#sources.read(layer.descriptor, options);
    const { readToc } = await import('../../archive/read-toc.ts');
    const toc = await readToc(blob, layer.diffId, options);
    await mkdir(dirname(path), { recursive: true });
    await writeTocFile(path, toc);
    return await TocFile.open(path);
  }
}
