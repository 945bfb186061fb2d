import { canonicalJson, digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Node } from '../graph/graph.ts';
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
import type { OpExecutor } from './op-executor.ts';
import { lookUpOwner, ownerWithoutTree } from './owner-lookup.ts';
import type { TargetViews } from './target-views.ts';
import type { Outcome, Tree } from './tree.ts';
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
  readonly #selections = new Map<string, FromContext>();
  readonly #checksums = new Map<string, Promise<Digest>>();

  constructor(options: CopyExecutorOptions) {
    this.#options = options;
  }

  async *keys(op: CopyOp, [target, from]: readonly Tree[], options: SolveOptions): AsyncIterable<string> {
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
    const plan = await this.#place(op, target, options);
    yield digestOfValue({ how, facts: plan.facts });
  }

  async exec(
    op: CopyOp,
    [target, from]: readonly Tree[],
    _node: Node,
    options: SolveOptions,
  ): Promise<Outcome> {
    const { intake, context } = this.#options;
    if (target === undefined) throw failure('STORE', 'copy to', op.destination, 'the step has no tree');
    if (from !== undefined) return await this.#fromStage(op, target, from, options);
    const plan = await this.#place(op, target, options);
    const now = Math.floor(Date.now() / 1000);
    const layer = await layerFromPlan(plan, context, intake, { ...options, now });
    return { key: await lastKey(this.keys(op, [target], options)), layers: [layer] };
  }

  async #fromStage(op: CopyOp, target: Tree, from: Tree, options: SolveOptions): Promise<Outcome> {
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
    const stored = Promise.resolve({ layer, created: Math.floor(Date.now() / 1000) });
    return { key: await lastKey(this.keys(op, [target, from], options)), layers: [{ stored }] };
  }

  /** What the layer depends on of the target: little where the destination is new, so that platforms share it; else all of it. */
  async #seenOf(op: CopyOp, target: Tree, options: SolveOptions): Promise<unknown> {
    // A name's ids are the target's own accounts'.
    if (op.chown !== undefined && ownerWithoutTree(op.chown) === undefined) return target.key;
    return destinationFacts(await this.#options.views.of(target, options), op.destination) ?? target.key;
  }

  /** Several platforms copy the same files of the same stage: they are read once. */
  #checksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    const key = canonicalJson([from.key, op.sources]);
    let found = this.#checksums.get(key);
    if (found === undefined) {
      found = this.#readChecksum(op, from, options);
      this.#checksums.set(key, found);
    }
    return found;
  }

  async #readChecksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    const client = await this.#options.keeper();
    const tree = await treeRefs(from, this.#options.sources, options);
    return await client.checksum({ from: tree, sources: op.sources }, options);
  }

  /** Several platforms copy the same sources: they are read once. */
  async #select(op: CopyOp, options: SolveOptions): Promise<FromContext> {
    const key = canonicalJson([op.sources, op.unpack]);
    let found = this.#selections.get(key);
    if (found === undefined) {
      const selection = selectSources(this.#options.context, op.sources, {
        owners: 'zero',
        signal: options.signal,
      });
      found = { selection, digest: await selection.digest({ ...options, hash: this.#options.hash }) };
      this.#selections.set(key, found);
    }
    return found;
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

async function lastKey(keys: AsyncIterable<string>): Promise<Digest> {
  let last = '';
  for await (const key of keys) last = key;
  return last as Digest;
}
