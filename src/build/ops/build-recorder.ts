import type { Digest } from '../../lib/digest.ts';
import type { Node } from '../graph/graph.ts';
import {
  baseKey,
  type RecordedBuild,
  type RecordedOptions,
  type RecordedResult,
  type SolvedNode,
} from './recorded-build.ts';
import type { Outcome, Tree } from './tree.ts';

/** Keeps what the steps of a build depended on, for `polyarch why`. A build that ran no step writes nothing: it tells nothing new, and loads nothing. */
export class BuildRecorder implements RecordedBuild {
  readonly options: RecordedOptions;
  readonly solved = new Map<string, SolvedNode>();
  readonly ran = new Set<string>();
  readonly bases = new Map<string, string>();

  constructor(options: RecordedOptions) {
    this.options = options;
  }

  onBase(reference: string, layers: readonly { readonly diffId: Digest }[]): void {
    this.bases.set(baseKey(layers), reference);
  }

  onExecute(id: string): void {
    this.ran.add(id);
  }

  onSolved(node: Node, outcome: Outcome, tree: Tree): void {
    this.solved.set(node.digest, { tree, made: outcome.key });
  }

  async save(result: RecordedResult): Promise<void> {
    if (this.ran.size === 0) return;
    const { writeJournal } = await import('./write-journal.ts');
    await writeJournal(this, result);
  }
}
