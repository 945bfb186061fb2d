import type { Layer } from '../../../oci/descriptor.ts';
import type { Node } from '../../graph/graph.ts';
import type { LayerSources } from '../../ops/layer-sources.ts';
import type { KeeperStarter } from './keeper-starter.ts';

export interface ForerunnerOptions {
  readonly roots: readonly Node[];
  readonly keeper: KeeperStarter;
  readonly sources: LayerSources;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes root file systems ready before the steps that need them are reached: as soon as one step was not found in the cache, the RUNs that
 * build on it will not be found either. Of most steps that is known before all their keys are: the first names the whole tree below, as those of
 * the RUNs do. Starts the keeper and has the RUNs' base images fetched and extracted beside the steps before them.
 */
export class Forerunner {
  readonly #options: ForerunnerOptions;
  /** By step: the base nodes that lie below the RUNs that depend on it, itself included. */
  readonly #bases = new Map<string, Set<Node>>();
  /** Steps below RUNs whose first key names all that the RUN's does of them. */
  readonly #telling = new Set<string>();
  readonly #begun = new Map<Node, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #signal: AbortSignal;

  constructor(options: ForerunnerOptions) {
    this.#options = options;
    const { signal } = this.#stopping;
    this.#signal = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
    const visited = new Set<Node>();
    for (const root of options.roots) this.#visit(root, new Set(), visited);
  }

  /** A step has to be executed. */
  onExecute(id: string): void {
    for (const base of this.#bases.get(id) ?? []) {
      if (!this.#begun.has(base)) this.#begun.set(base, this.#prepare(base));
    }
  }

  /** A step's first key was not found: no build on this machine had it on this tree. */
  onMiss(id: string): void {
    if (this.#telling.has(id)) this.onExecute(id);
  }

  /** Gives up what no step waits for any more; settles when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#begun.values());
  }

  #visit(node: Node, above: ReadonlySet<Node>, visited: Set<Node>): void {
    const known = this.#bases.get(node.digest) ?? new Set<Node>();
    const bases = node.op.kind === 'run' ? new Set([...above, baseOf(node)]) : above;
    const news = [...bases].some((base) => !known.has(base));
    if (!news && visited.has(node)) return;
    visited.add(node);
    for (const base of bases) known.add(base);
    if (node.op.kind === 'run') {
      for (let below = node.inputs[0]; below !== undefined; below = below.inputs[0])
        if (below.op.kind === 'mkdir' || (below.op.kind === 'copy' && below.inputs.length === 1))
          this.#telling.add(below.digest);
    }
    // A base is no step: it is never found in the cache.
    if (node.op.kind !== 'base') this.#bases.set(node.digest, known);
    for (const input of node.inputs) this.#visit(input, known, visited);
  }

  async #prepare(base: Node): Promise<void> {
    const { keeper, sources } = this.#options;
    const signal = this.#signal;
    try {
      const [client, tree] = await Promise.all([keeper.get(), blobsOf(layersOf(base), sources, signal)]);
      await client.prepare({ tree }, { signal });
    } catch {
      // The step that needs it does it again, and fails by its own name.
    }
  }
}

function baseOf(node: Node): Node {
  let at = node;
  for (let below = at.inputs[0]; below !== undefined; below = at.inputs[0]) at = below;
  return at;
}

function layersOf(node: Node): readonly Layer[] {
  return node.op.kind === 'base' ? node.op.layers : [];
}

function blobsOf(layers: readonly Layer[], sources: LayerSources, signal: AbortSignal | undefined) {
  return Promise.all(
    layers.map(async ({ descriptor, diffId }) => ({
      kind: 'blob' as const,
      path: await sources.path(descriptor, { signal }),
      diffId,
    })),
  );
}
