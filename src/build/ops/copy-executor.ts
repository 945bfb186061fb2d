import { canonicalJson, digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { CopyOp } from '../graph/op.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import { parseChmod, placeSelection } from '../snapshot/copy/place-selection.ts';
import type { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { type HashFile, type Selection, selectSources } from '../snapshot/copy/select-sources.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import { destinationFacts } from './destination-facts.ts';
import { layerFromPlan } from './layer-file.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { ExecOptions, OpExecutor } from './op-executor.ts';
import { lookUpOwner, ownerWithoutTree } from './owner-lookup.ts';
import type { TargetViews } from './target-views.ts';
import { type Outcome, storedLayer, type Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

export interface CopyExecutorOptions {
  readonly context: RootedTree;
  /** Digest of one of the context's files. Default: it is read. */
  readonly hash?: HashFile | undefined;
  readonly views: TargetViews;
  readonly intake: LayerIntake;
  readonly sources: LayerSources;
  readonly keeper: () => Promise<KeeperClient>;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
}

interface FromContext {
  readonly selection: Selection;
  readonly digest: Digest;
}

/**
 * COPY and ADD. From the context, this process writes the layer itself; from a stage, the keeper does. The first key is the definition with
 * the sources' content and the whole target; the second holds of the target only what was learnt of it, so that platforms share a layer.
 */
export class CopyExecutor implements OpExecutor<CopyOp> {
  readonly #options: CopyExecutorOptions;
  /** Several platforms copy the same files: they are read once, and a plan that its key was made of is the one that is written. */
  readonly #selections = new Memo<FromContext>();
  readonly #checksums = new Memo<Digest>();
  readonly #plans = new Memo<CopyPlan>();

  constructor(options: CopyExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: CopyOp, [target, from]: readonly Tree[], options: SolveOptions): AsyncIterable<Digest> {
    const { epoch } = this.#options;
    if (target === undefined) return;
    if (from !== undefined) {
      yield digestOfValue({ op, target: target.key, from: from.key, epoch });
      const content = await this.#checksum(op, from, options);
      const several = op.sources.length > 1;
      const seen = await this.#seenOf(op, target, options);
      yield digestOfValue({ op: { ...op, sources: undefined }, several, seen, content, epoch });
      return;
    }
    const { digest } = await this.#select(op, options);
    const { destination, chown, chmod, unpack } = op;
    const how = { destination, chown, chmod, unpack, several: op.sources.length > 1, digest, epoch };
    yield digestOfValue({ how, target: target.key });
    const plan = await this.#plan(op, target, options);
    yield digestOfValue({ how, facts: plan.facts });
  }

  async exec(op: CopyOp, [target, from]: readonly Tree[], options: ExecOptions): Promise<Outcome> {
    const { intake, context } = this.#options;
    if (target === undefined) throw failure('STORE', 'copy to', op.destination, 'the step has no tree');
    if (from !== undefined) return await this.#fromStage(op, target, from, options);
    const plan = await this.#plan(op, target, options);
    return { key: options.key, layers: [await layerFromPlan(plan, context, intake, options)] };
  }

  async #fromStage(op: CopyOp, target: Tree, from: Tree, options: ExecOptions): Promise<Outcome> {
    const { keeper, intake, sources, views, epoch } = this.#options;
    const owner = await lookUpOwner(op.chown, target, this.#options, options);
    const client = await keeper();
    const packed = await client.copy(
      {
        from: await treeRefs(from, sources, options),
        target: await views.paths(target, options),
        sources: op.sources,
        destination: op.destination,
        ...(owner === undefined ? {} : { owner }),
        ...(op.chmod === undefined ? {} : { chmod: op.chmod }),
        ...(epoch === undefined ? {} : { epoch }),
      },
      options,
    );
    const layer = await intake.take(packed);
    return { key: options.key, layers: [storedLayer(layer, Math.floor(Date.now() / 1000))] };
  }

  /** What the layer depends on of the target: little where the destination is new, so that platforms share it; else all of it. */
  async #seenOf(op: CopyOp, target: Tree, options: SolveOptions): Promise<unknown> {
    // A name's ids are the target's own accounts'.
    if (op.chown !== undefined && ownerWithoutTree(op.chown) === undefined) return target.key;
    return destinationFacts(await this.#options.views.of(target, options), op.destination) ?? target.key;
  }

  #checksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    return this.#checksums.of(canonicalJson([from.key, op.sources]), () =>
      this.#readChecksum(op, from, options),
    );
  }

  async #readChecksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    const client = await this.#options.keeper();
    const tree = await treeRefs(from, this.#options.sources, options);
    return await client.checksum({ from: tree, sources: op.sources }, options);
  }

  #select(op: CopyOp, options: SolveOptions): Promise<FromContext> {
    return this.#selections.of(canonicalJson(op.sources), async () => {
      const { context, hash } = this.#options;
      const selection = selectSources(context, op.sources, { owners: 'zero', signal: options.signal });
      return { selection, digest: await selection.digest({ ...options, hash }) };
    });
  }

  #plan(op: CopyOp, target: Tree, options: SolveOptions): Promise<CopyPlan> {
    return this.#plans.of(canonicalJson([op, target.key]), () => this.#place(op, target, options));
  }

  async #place(op: CopyOp, target: Tree, options: SolveOptions): Promise<CopyPlan> {
    const { selection } = await this.#select(op, options);
    const owner = await lookUpOwner(op.chown, target, this.#options, options);
    return placeSelection(selection, await this.#options.views.of(target, options), {
      destination: op.destination,
      owner,
      mode: op.chmod === undefined ? undefined : parseChmod(op.chmod),
      unpack: op.unpack,
      epoch: this.#options.epoch,
      now: Math.floor(Date.now() / 1000),
    });
  }
}
