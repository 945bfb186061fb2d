import type { Digest } from '../../lib/digest.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { type CopiedEntry, linkLayer } from '../snapshot/link-layer.ts';
import type { SnapshotDirectory } from '../snapshot/snapshot-directory.ts';
import type { ExtractedFacts } from './layer-jobs.ts';
import type { Tree } from './protocol.ts';

/** What is remembered at once: some tens of megabytes. */
const maxEntries = 50_000;

interface CopiedLayer {
  readonly entries: readonly CopiedEntry[];
  readonly from: Tree;
  /** Snapshots of `from`, bottom first. */
  readonly ids: readonly string[];
}

/** Layers that were copied from this keeper's own trees: their directories need no extraction. */
export class CopiedLayers {
  readonly #snapshots: SnapshotDirectory;
  readonly #layers = new Map<Digest, CopiedLayer>();
  #entries = 0;

  constructor(snapshots: SnapshotDirectory) {
    this.#snapshots = snapshots;
  }

  /** `ids`: the snapshots of `from`, from which the plan's files were read. */
  remember(diffId: Digest, plan: CopyPlan, { from, ids }: Omit<CopiedLayer, 'entries'>): void {
    if (this.#layers.has(diffId) || plan.entries.length > maxEntries) return;
    const entries: CopiedEntry[] = [];
    for (const { header, source } of plan.entries) {
      // A heredoc lies in no layer.
      if (source !== undefined && !(source.tree instanceof RootedTree)) return;
      entries.push({ header, ...(source && { source: source.source }) });
    }
    this.#layers.set(diffId, { entries, from, ids });
    this.#entries += entries.length;
    for (const [oldest, layer] of this.#layers) {
      if (this.#entries <= maxEntries) break;
      this.#layers.delete(oldest);
      this.#entries -= layer.entries.length;
    }
  }

  /** Makes the layer's directory by links; undefined when it is none of these, or cannot be made so: then `directory` may hold rubbish. */
  async link(
    diffId: Digest,
    directory: string,
    { below, signal }: { readonly below: Tree; readonly signal: AbortSignal },
  ): Promise<ExtractedFacts | undefined> {
    const layer = this.#layers.get(diffId);
    if (layer === undefined) return undefined;
    const { entries, from, ids } = layer;
    const beneath = new Set(below.map(keyOf));
    const directories = ids.map((id) => this.#snapshots.absolute(id));
    const apart = new Set(directories.filter((_, index) => beneath.has(keyOf(from[index]))));
    const opaque = ids.findLastIndex((id) => this.#snapshots.has(id, 'opaqueRoot'));
    const made = await linkLayer(entries, directory, {
      from: directories.slice(Math.max(0, opaque)),
      apart,
      signal,
    });
    return (
      made && {
        usesLowers: false,
        impliedRoot: entries[0]?.header.path !== '',
        opaqueRoot: false,
        skippedDevices: false,
        shares: ids.filter((id) => made.shares.has(this.#snapshots.absolute(id))),
      }
    );
  }
}

function keyOf(layer: Tree[number] | undefined): string | undefined {
  return layer?.kind === 'blob' ? layer.diffId : layer?.id;
}
