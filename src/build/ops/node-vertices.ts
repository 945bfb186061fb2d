import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Node } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import type { Vertex } from '../solver/vertex.ts';
import type { OpExecutor, OpExecutors } from './op-executor.ts';
import type { Outcome, Tree } from './tree.ts';

export type NodeVertex = Vertex<Tree, Outcome>;

export interface NodeWatch {
  /** Adds to a failure what is known of the step that it happened in. Default: nothing. */
  readonly explain?: (error: unknown, node: Node) => unknown;
  /** A node was executed: its outcome comes from no cache. Its layers may still be being packed. */
  readonly onMade?: (node: Node, outcome: Outcome) => void;
  /** A node has its tree, wherever the outcome comes from. */
  readonly onSolved?: (node: Node, outcome: Outcome, tree: Tree) => void;
}

/** Graph nodes as the solver's vertices; a vertex's id is its node's digest. */
export class NodeVertices {
  readonly #executors: OpExecutors;
  readonly #watch: Required<NodeWatch>;
  readonly #vertices = new Map<string, NodeVertex>();

  constructor(executors: OpExecutors, watch: NodeWatch = {}) {
    this.#executors = executors;
    this.#watch = { explain: (error) => error, onMade: () => {}, onSolved: () => {}, ...watch };
  }

  of(node: Node): NodeVertex {
    let vertex = this.#vertices.get(node.digest);
    if (vertex === undefined) {
      vertex = this.#make(node);
      this.#vertices.set(node.digest, vertex);
    }
    return vertex;
  }

  #make(node: Node): NodeVertex {
    const executor: OpExecutor = this.#executors[node.op.kind] as OpExecutor<Op>;
    return {
      id: node.digest,
      inputs: node.inputs.map((input) => this.of(input)),
      keys: (inputs, options) => this.#explained(node, executor.keys(node.op, inputs, options)),
      exec: async (inputs, key, options) => {
        try {
          const outcome = await executor.exec(node.op, inputs, {
            ...options,
            node,
            key: (key ?? node.digest) as Digest,
          });
          this.#watch.onMade(node, outcome);
          return outcome;
        } catch (error) {
          throw this.#watch.explain(error, node);
        }
      },
      learnt: async (inputs, options) => (await executor.learnt?.(node.op, inputs, options)) ?? [],
      join: (inputs, outcome) => {
        const tree = joinTree(inputs[0], outcome);
        this.#watch.onSolved(node, outcome, tree);
        return tree;
      },
    };
  }

  async *#explained(node: Node, keys: AsyncIterable<string>): AsyncIterable<string> {
    try {
      yield* keys;
    } catch (error) {
      throw this.#watch.explain(error, node);
    }
  }
}

/** Same layers in the same order, the same key, whatever made them. */
function joinTree(below: Tree | undefined, outcome: Outcome): Tree {
  if (below === undefined) return outcome;
  return { key: digestOfValue([below.key, outcome.key]), layers: [...below.layers, ...outcome.layers] };
}
