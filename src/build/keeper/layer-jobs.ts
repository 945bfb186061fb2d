import type { WrittenLayer } from '../../archive/layer-writer.ts';
import type { Digest } from '../../lib/digest.ts';
import { type ExtractedLayer, extractLayer } from '../snapshot/extract.ts';
import { type PackOptions, packUpper } from '../snapshot/pack.ts';
import { removeTree } from '../snapshot/remove-tree.ts';

/** Work on one layer's files, as it crosses to a worker thread: plain values. */
export type LayerJob =
  | {
      readonly kind: 'extract';
      readonly blob: string;
      readonly diffId: Digest;
      readonly directory: string;
      readonly lowers?: readonly string[];
    }
  | { readonly kind: 'pack'; readonly upper: string; readonly path: string; readonly options: PackOptions }
  | { readonly kind: 'remove'; readonly path: string };

/** What the keeper needs to know of an extracted layer. */
export interface ExtractedFacts {
  /** Directories or links of the layers below went into it: right for this chain only. */
  readonly usesLowers: boolean;
  /** The archive has no entry for the root: its attributes are those of a lower layer. */
  readonly impliedRoot: boolean;
  /** Nothing of the layers below shows. */
  readonly opaqueRoot: boolean;
  readonly skippedDevices: boolean;
}

export interface LayerJobResults {
  extract: ExtractedFacts;
  pack: WrittenLayer;
  remove: null;
}

export async function doLayerJob(
  job: LayerJob,
  signal: AbortSignal,
): Promise<LayerJobResults[LayerJob['kind']]> {
  switch (job.kind) {
    case 'extract':
      return factsOf(await extractLayer(job.blob, job.diffId, job.directory, { signal, lowers: job.lowers }));
    case 'pack':
      return await packUpper(job.upper, job.path, { ...job.options, signal });
    case 'remove':
      removeTree(job.path);
      return null;
  }
}

function factsOf(layer: ExtractedLayer): ExtractedFacts {
  return {
    usesLowers: layer.impliedParents.length > 0 || layer.copiedFromLowers.length > 0,
    impliedRoot: layer.toc.entries[0]?.path !== '',
    opaqueRoot: layer.toc.opaque.includes(''),
    skippedDevices: layer.skippedDevices.length > 0,
  };
}
