import type { Digest } from '../../lib/digest.ts';
import type { JournalKey } from '../cache/journal/journal.ts';
import type { Node } from '../graph/graph.ts';
import type { CopyOp } from '../graph/op.ts';
import type { Selection } from '../snapshot/copy/selection.ts';
import type { Tree } from './tree.ts';

export interface RecordedOptions {
  /** The data directory's `cache`. */
  readonly directory: string;
  readonly key: JournalKey;
  /** References that the result gets. */
  readonly names: readonly string[];
  /** False: `--no-cache`. */
  readonly cache: boolean;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch: number | undefined;
}

export interface SolvedNode {
  readonly tree: Tree;
  readonly made: Digest;
}

export interface RecordedResult {
  /** Of the graph. */
  readonly roots: readonly Node[];
  /** Digests of what came out: none when the build failed. */
  readonly results: readonly Digest[];
  /** What a COPY that was solved read of no stage. */
  readonly filesOf: (op: CopyOp) => Promise<{ readonly digest: Digest; readonly selection: Selection }>;
}

/** What a build did with its nodes. */
export interface RecordedBuild {
  readonly options: RecordedOptions;
  /** By node. */
  readonly solved: ReadonlyMap<string, SolvedNode>;
  /** Nodes that no cache had. */
  readonly ran: ReadonlySet<string>;
  /** References of base images by `baseKey`. */
  readonly bases: ReadonlyMap<string, string>;
}

export function baseKey(layers: readonly { readonly diffId: Digest }[]): string {
  return layers.map(({ diffId }) => diffId).join(' ');
}
