import { MergedView } from '../../archive/merged-view.ts';
import { canonicalJson, digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { parseFileMode } from '../../lib/file-mode.ts';
import { Memo } from '../../lib/memo.ts';
import type { CopyOp } from '../graph/op.ts';
import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import type { SourcePattern } from '../snapshot/copy/select-sources.ts';
import type { SelectedEntry } from '../snapshot/copy/selected-entry.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import { destinationFacts } from './destination-facts.ts';
import type { FileOrigins } from './file-origins.ts';
import { type FoundFiles, findFiles } from './found-files.ts';
import { layerFromPlan } from './layer-file.ts';
import type { LayerIntake } from './layer-intake.ts';
import type { LayerSources } from './layer-sources.ts';
import type { ExecOptions, OpExecutor, PassingKey } from './op-executor.ts';
import { lookUpOwner, ownerWithoutTree } from './owner-lookup.ts';
import type { TargetViews } from './target-views.ts';
import { type Outcome, storedLayer, type Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

export interface CopyExecutorOptions {
  readonly origins: FileOrigins;
  readonly views: TargetViews;
  readonly intake: LayerIntake;
  readonly sources: LayerSources;
  readonly keeper: () => Promise<KeeperClient>;
  /** Whether the cache has an outcome for a key. */
  readonly knows: (key: Digest, options: SolveOptions) => Promise<boolean>;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch?: number | undefined;
}

/**
 * COPY and ADD. From contexts and what is fetched, this process writes the layer itself; from a stage, the keeper does. The first key is the
 * definition with the sources' content and the whole target; the second holds of the target only what was learnt of it, so that platforms share
 * a layer. With `--link` nothing is learnt of it. Files that no earlier copy can have held are not read for a key: their digests come with the
 * layer.
 */
export class CopyExecutor implements OpExecutor<CopyOp> {
  readonly #options: CopyExecutorOptions;
  /** Several platforms copy the same files: they are read once, and a plan that its key was made of is the one that is written. */
  readonly #found = new Memo<FoundFiles>();
  readonly #checksums = new Memo<Digest>();
  readonly #plans = new Memo<CopyPlan>();
  readonly #new = new Memo<boolean>();

  constructor(options: CopyExecutorOptions) {
    this.#options = options;
  }

  async *keys(
    op: CopyOp,
    [target, from]: readonly Tree[],
    options: SolveOptions,
  ): AsyncIterable<Digest | PassingKey> {
    if (target === undefined) return;
    if (from !== undefined) {
      yield* this.#stageKeys(op, target, from, options);
      return;
    }
    if (await this.#isNew(op, options)) {
      // Tells that it will not be found before the target's names are read for the next one.
      if (!op.link) yield `passing:${digestOfValue({ op, target: target.key })}`;
      const { facts } = await this.#plan(op, target, options);
      yield `passing:${digestOfValue({ op, facts })}`;
      return;
    }
    const digest = await (await this.#find(op, options)).digest(options);
    const keys = this.#keysOf(op);
    if (!op.link) yield keys.onto(digest, target);
    const plan = await this.#plan(op, target, options);
    yield keys.of(digest, plan);
  }

  /** With a layer there is a digest of what it holds: the next build asks for it by that. */
  async learnt(op: CopyOp, [target, from]: readonly Tree[], options: SolveOptions) {
    if (target === undefined || from !== undefined || op.link || !(await this.#isNew(op, options))) return [];
    const found = await this.#find(op, options);
    return [this.#keysOf(op).onto(await found.digest(options), target)];
  }

  /**
   * The sources' content is in the last key only, and asked for only when a copy that differs in nothing else was made before: then a stage that
   * ran again may have come to the same files. Else the copy itself says what it read.
   */
  async *#stageKeys(op: CopyOp, target: Tree, from: Tree, options: SolveOptions): AsyncIterable<Digest> {
    const { epoch, knows } = this.#options;
    if (!op.link) yield digestOfValue({ op, target: target.key, from: from.key, epoch });
    const seen = await this.#seenOf(op, target, options);
    yield digestOfValue({ op, seen, from: from.key, epoch });
    const keys = stageKeys(op, seen, epoch);
    if (await knows(keys.anyContent, options)) yield keys.of(await this.#checksum(op, from, options));
  }

  async exec(op: CopyOp, [target, from]: readonly Tree[], options: ExecOptions): Promise<Outcome> {
    if (target === undefined) throw failure('STORE', 'copy to', op.destination, 'the step has no tree');
    if (from !== undefined) return await this.#fromStage(op, target, from, options);
    const keys = this.#keysOf(op);
    const [plan, found] = [await this.#plan(op, target, options), await this.#find(op, options)];
    const read = { digests: new Map<SelectedEntry, Digest>(), started: Date.now() };
    await found.hashEach(options);
    const { hashed: expected } = found.selection;
    const write = { signal: options.signal, expected, hashed: read.digests };
    const layers = [await layerFromPlan(plan, this.#options.intake, write)];
    const key = keys.of(await found.digest(options, read), plan);
    return { key, layers, aliases: [key, keys.anyContent] };
  }

  /** No copy that differs in nothing but its files was made before. Of archives that are unpacked, and of what is fetched, the bytes are asked for first in any case. */
  #isNew(op: CopyOp, options: SolveOptions): Promise<boolean> {
    const isNew = async () => {
      const plain = op.sources.every(
        ({ origin, unpack }) => !unpack && origin?.kind !== 'http' && origin?.kind !== 'git',
      );
      return plain && !(await this.#options.knows(this.#keysOf(op).anyContent, options));
    };
    return this.#new.of(canonicalJson(op), isNew, options.signal);
  }

  #keysOf({ destination, chown, chmod, link }: CopyOp) {
    const { epoch } = this.#options;
    const how = (digest: Digest | 'any') => ({ destination, chown, chmod, link, digest, epoch });
    return {
      anyContent: digestOfValue({ how: how('any') }),
      onto: (digest: Digest, target: Tree) => digestOfValue({ how: how(digest), target: target.key }),
      of: (digest: Digest, { facts }: CopyPlan) => digestOfValue({ how: how(digest), facts }),
    };
  }

  async #fromStage(op: CopyOp, target: Tree, from: Tree, options: ExecOptions): Promise<Outcome> {
    const { keeper, intake, sources, views, epoch } = this.#options;
    const owner = await this.#owner(op, target, options);
    const known = this.#checksums.peek(checksumKey(op, from));
    const client = await keeper();
    const { checksum = await known, ...packed } = await client.copy(
      {
        checksum: known === undefined,
        ...sourcesOf(op),
        from: await treeRefs(from, sources, options),
        target: op.link ? [] : await views.paths(target, options),
        destination: op.destination,
        ...(owner === undefined ? {} : { owner }),
        ...(op.chmod === undefined ? {} : { chmod: op.chmod }),
        ...(epoch === undefined ? {} : { epoch }),
      },
      options,
    );
    if (checksum === undefined) throw failure('KEEPER', 'copy', op.destination, 'no checksum came with it');
    const keys = stageKeys(op, await this.#seenOf(op, target, options), epoch);
    const key = keys.of(checksum);
    const layer = storedLayer(await intake.take(packed), Math.floor(Date.now() / 1000));
    return { key, layers: [layer], aliases: [key, keys.anyContent] };
  }

  /** What the layer depends on of the target: little where the destination is new, so that platforms share it; else all of it. */
  async #seenOf(op: CopyOp, target: Tree, options: SolveOptions): Promise<unknown> {
    if (op.link) return 'nothing';
    // A name's ids are the target's own accounts'.
    if (op.chown !== undefined && ownerWithoutTree(op.chown) === undefined) return target.key;
    return destinationFacts(await this.#options.views.of(target, options), op.destination) ?? target.key;
  }

  #checksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    const read = () => this.#readChecksum(op, from, options);
    return this.#checksums.of(checksumKey(op, from), read, options.signal);
  }

  async #readChecksum(op: CopyOp, from: Tree, options: SolveOptions): Promise<Digest> {
    const client = await this.#options.keeper();
    const tree = await treeRefs(from, this.#options.sources, options);
    return await client.checksum({ from: tree, ...sourcesOf(op) }, options);
  }

  /** Of a copy that was solved, what it read of no stage. */
  async filesOf(op: CopyOp, options: SolveOptions) {
    const found = await this.#find(op, options);
    return { digest: await found.digest(options), selection: found.selection };
  }

  #find(op: CopyOp, options: SolveOptions): Promise<FoundFiles> {
    const { origins } = this.#options;
    const find = () => findFiles(op, origins, options);
    return this.#found.of(canonicalJson([op.sources, op.exclude]), find, options.signal);
  }

  #plan(op: CopyOp, target: Tree, options: SolveOptions): Promise<CopyPlan> {
    const key = canonicalJson([op, op.link ? '' : target.key]);
    return this.#plans.of(key, () => this.#place(op, target, options), options.signal);
  }

  async #place(op: CopyOp, target: Tree, options: SolveOptions): Promise<CopyPlan> {
    const { origins, views, epoch } = this.#options;
    const { selection } = await this.#find(op, options);
    const owner = await this.#owner(op, target, options);
    const view = op.link ? new MergedView([]) : await views.of(target, options);
    const { placeSelection } = await import('../snapshot/copy/place-selection.ts');
    return await placeSelection(selection, view, {
      destination: op.destination,
      owner,
      mode: op.chmod === undefined ? undefined : parseFileMode(op.chmod),
      unpack: origins.unpacking(options),
      epoch,
      now: Math.floor(Date.now() / 1000),
    });
  }

  #owner(op: CopyOp, target: Tree, options: SolveOptions) {
    return lookUpOwner(op.chown, target, this.#options, options);
  }
}

function checksumKey(op: CopyOp, from: Tree): string {
  return canonicalJson([from.key, sourcesOf(op)]);
}

/** Keys of a copy from a stage by what was read there, in place of where it was read. */
function stageKeys(op: CopyOp, seen: unknown, epoch: number | undefined) {
  const how = { op: { ...op, sources: undefined }, several: op.sources.length > 1, seen, epoch };
  return {
    /** Names a copy of this kind, whatever it read. */
    anyContent: digestOfValue({ ...how, content: 'any' }),
    of: (content: Digest): Digest => digestOfValue({ ...how, content }),
  };
}

/** What the keeper reads of a stage, and the heredocs that are copied with it. */
function sourcesOf(op: CopyOp) {
  const sources: SourcePattern[] = [];
  const inline: { name: string; content: string }[] = [];
  for (const { origin, ...source } of op.sources) {
    if (origin?.kind === 'inline') inline.push({ name: origin.name, content: origin.content });
    else sources.push({ ...source, ...(op.exclude && { exclude: op.exclude }) });
  }
  return { sources, ...(inline.length > 0 && { inline }) };
}
