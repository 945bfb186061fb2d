import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { MkdirOp } from '../graph/op.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import { layerFromPlan } from './layer-file.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { ExecOptions, OpExecutor } from './op-executor.ts';
import { lookUpOwner } from './owner-lookup.ts';
import type { TargetViews } from './target-views.ts';
import type { Outcome, Tree } from './tree.ts';

export interface MkdirExecutorOptions {
  readonly views: TargetViews;
  readonly intake: LayerIntake;
  readonly sources: LayerSources;
  readonly keeper: () => Promise<KeeperClient>;
  readonly epoch?: number | undefined;
}

/** WORKDIR: a layer with the directories that were missing, empty when none was, as BuildKit's is. */
export class MkdirExecutor implements OpExecutor<MkdirOp> {
  readonly #options: MkdirExecutorOptions;

  constructor(options: MkdirExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: MkdirOp, [target]: readonly Tree[], options: SolveOptions): AsyncIterable<Digest> {
    if (target === undefined) return;
    const { epoch } = this.#options;
    yield digestOfValue({ op, target: target.key, epoch });
    const plan = await this.#plan(op, target, options);
    yield digestOfValue({ op, facts: plan.facts, epoch });
  }

  async exec(op: MkdirOp, [target]: readonly Tree[], options: ExecOptions): Promise<Outcome> {
    if (target === undefined) throw failure('STORE', 'make directory', op.path, 'the step has no tree');
    const plan = await this.#plan(op, target, options);
    return {
      key: options.key,
      layers: [await layerFromPlan(plan, this.#options.intake, options)],
    };
  }

  async #plan(op: MkdirOp, target: Tree, options: SolveOptions): Promise<CopyPlan> {
    const { views, epoch } = this.#options;
    const owner = await lookUpOwner(op.user, target, this.#options, options);
    const { planDirectory } = await import('../snapshot/copy/plan-directory.ts');
    return planDirectory(op.path, await views.of(target, options), {
      owner,
      epoch,
      now: Math.floor(Date.now() / 1000),
    });
  }
}
