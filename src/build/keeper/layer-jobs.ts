import type { WrittenLayer } from '../../archive/layer-writer.ts';
import type { Digest } from '../../lib/digest.ts';
import { type CollectOptions, collectChanges } from '../snapshot/collect-changes.ts';
import { type ExtractedLayer, extractLayer } from '../snapshot/extract.ts';
import type { MarkFormat } from '../snapshot/layer-marks.ts';
import { legibleMode } from '../snapshot/legible-mode.ts';
import { type MergedLayer, type MergeOptions, mergeLayers } from '../snapshot/merge-layers.ts';
import type { Owners } from '../snapshot/owners.ts';
import { type PackOptions, packUpper } from '../snapshot/pack.ts';
import { removeTree } from '../snapshot/remove-tree.ts';
import { indexTree, type TreeIndex } from '../snapshot/tree-index.ts';

/** Work on one layer's files, as it crosses to a worker thread: plain values. */
export type LayerJob =
  | {
      readonly kind: 'extract';
      readonly blob: string;
      readonly diffId: Digest;
      readonly directory: string;
      readonly lowers?: readonly string[];
      readonly format: LayerFormat;
    }
  | { readonly kind: 'pack'; readonly upper: string; readonly path: string; readonly options: PackOptions }
  | {
      readonly kind: 'merge';
      readonly layers: readonly MergedLayer[];
      readonly target: string;
      readonly options: MergeOptions;
    }
  | { readonly kind: 'index'; readonly tree: string }
  | {
      readonly kind: 'collect';
      readonly tree: string;
      readonly upper: string;
      readonly options: CollectOptions;
    }
  | { readonly kind: 'remove'; readonly path: string };

/** How the directories of layers are written on this machine. */
export interface LayerFormat {
  readonly marks: MarkFormat;
  readonly owners: Owners;
}

/** Ends the keys of snapshots that only keepers with the same format can use. */
export function formatSuffix({ marks, owners }: LayerFormat): string {
  const legible = legibleMode(0, { isDirectory: false, owners }) === 0 ? '' : '.legible';
  return `${marks === 'overlay' ? '' : `.${marks}`}${owners === 'lost' ? '.own' : ''}${legible}`;
}

/** What the keeper needs to know of an extracted layer. */
export interface ExtractedFacts {
  /** Directories or links of the layers below went into it: right for this chain only. */
  readonly usesLowers: boolean;
  /** The archive has no entry for the root: its attributes are those of a lower layer. */
  readonly impliedRoot: boolean;
  /** Nothing of the layers below shows. */
  readonly opaqueRoot: boolean;
  readonly skippedDevices: boolean;
  /** Snapshots that have files of it under other names: in one tree with them those would show as one file. Default none. */
  readonly shares?: readonly string[];
}

export interface LayerJobResults {
  extract: ExtractedFacts;
  pack: WrittenLayer;
  merge: null;
  index: TreeIndex;
  collect: TreeIndex;
  remove: null;
}

export async function doLayerJob(
  job: LayerJob,
  signal: AbortSignal,
): Promise<LayerJobResults[LayerJob['kind']]> {
  switch (job.kind) {
    case 'extract':
      return factsOf(
        await extractLayer(job.blob, job.diffId, job.directory, {
          signal,
          lowers: job.lowers,
          ...job.format,
        }),
      );
    case 'pack':
      return await packUpper(job.upper, job.path, { ...job.options, signal });
    case 'merge':
      await mergeLayers(job.layers, job.target, { ...job.options, signal });
      return null;
    case 'index':
      return indexTree(job.tree);
    case 'collect':
      return await collectChanges(job.tree, job.upper, { ...job.options, signal });
    case 'remove':
      removeTree(job.path);
      return null;
  }
}

function factsOf(layer: ExtractedLayer): ExtractedFacts {
  return {
    usesLowers: layer.impliedParents.length > 0 || layer.copiedFromLowers.length > 0,
    impliedRoot: layer.impliedRoot,
    opaqueRoot: layer.opaqueRoot,
    skippedDevices: layer.skippedDevices.length > 0,
  };
}
