import { MergedView } from '../../archive/merged-view.ts';
import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { Memo } from '../../lib/memo.ts';
import type { ContextOp } from '../graph/op.ts';
import { selectSources } from '../snapshot/copy/select-sources.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { FileOrigins } from './file-origins.ts';
import { FoundFiles } from './found-files.ts';
import { layerFromPlan } from './layer-file.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { ExecOptions, OpExecutor } from './op-executor.ts';
import type { Outcome, Tree } from './tree.ts';

export interface ContextExecutorOptions {
  readonly origins: FileOrigins;
  readonly intake: LayerIntake;
}

/** A part of a build context as a layer by itself: known by its content, ignored files left out. */
export class ContextExecutor implements OpExecutor<ContextOp> {
  readonly #options: ContextExecutorOptions;
  readonly #found = new Memo<FoundFiles>();

  constructor(options: ContextExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: ContextOp, _inputs: readonly Tree[], options: SolveOptions): AsyncIterable<Digest> {
    const found = await this.#find(op, options);
    yield digestOfValue({ kind: op.kind, path: op.path, digest: await found.digest(options) });
  }

  async exec(op: ContextOp, _inputs: readonly Tree[], options: ExecOptions): Promise<Outcome> {
    const found = await this.#find(op, options);
    await found.hashEach(options);
    const { selection } = found;
    const first = selection.items.find(({ entries }) => entries.length > 0)?.entries[0];
    const destination = first?.kind === 'directory' ? `/${op.path}/` : `/${op.path}`;
    const now = Math.floor(Date.now() / 1000);
    const { placeSelection } = await import('../snapshot/copy/place-selection.ts');
    const plan = await placeSelection(selection, new MergedView([]), { destination, now });
    const write = { signal: options.signal, expected: selection.hashed };
    return { key: options.key, layers: [await layerFromPlan(plan, this.#options.intake, write)] };
  }

  #find({ origin, path }: ContextOp, options: SolveOptions): Promise<FoundFiles> {
    const find = async () => {
      const opened = await this.#options.origins.open(origin, options);
      const { tree, owners } = opened;
      const selection = selectSources(tree, [{ pattern: path, wildcards: false }], {
        owners,
        signal: options.signal,
      });
      return new FoundFiles([{ selection, origin: opened }]);
    };
    return this.#found.of(JSON.stringify([origin, path]), find, options.signal);
  }
}
