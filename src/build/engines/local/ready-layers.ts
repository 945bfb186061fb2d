import type { Descriptor } from '../../../oci/descriptor.ts';
import type { Node } from '../../graph/graph.ts';
import type { Outcome } from '../../ops/tree.ts';

/** Tells of the result's layers as they are made, so that they can be pushed beside later steps. */
export class ReadyLayers {
  /** By node of a result's chain: its base. */
  readonly #bases = new Map<Node, Node>();
  readonly #told = new Set<string>();
  readonly #onLayer: (layer: Descriptor) => void;

  constructor(roots: readonly Node[], onLayer: (layer: Descriptor) => void) {
    this.#onLayer = onLayer;
    for (const root of roots) {
      const chain = [root];
      for (let below = root.inputs[0]; below !== undefined; below = below.inputs[0]) chain.push(below);
      const base = chain.at(-1) as Node;
      for (const node of chain) if (node.op.kind !== 'base') this.#bases.set(node, base);
    }
  }

  onMade(node: Node, outcome: Outcome): void {
    const base = this.#bases.get(node);
    if (base === undefined) return;
    if (base.op.kind === 'base') for (const { descriptor } of base.op.layers) this.#tell(descriptor);
    for (const { stored } of outcome.layers) {
      // Its failure is told by the export, which waits for it too.
      stored.then(({ layer }) => this.#tell(layer.descriptor)).catch(() => {});
    }
  }

  #tell(layer: Descriptor): void {
    if (this.#told.has(layer.digest)) return;
    this.#told.add(layer.digest);
    this.#onLayer(layer);
  }
}
