import type { Node } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { Outcome, Tree } from './tree.ts';

/** What one kind of op does. `inputs` are the trees of the node's inputs, in their order. */
export interface OpExecutor<O extends Op = Op> {
  keys(op: O, inputs: readonly Tree[], options: SolveOptions): AsyncIterable<string>;
  exec(op: O, inputs: readonly Tree[], node: Node, options: SolveOptions): Promise<Outcome>;
}

export type OpExecutors = { readonly [K in Op['kind']]: OpExecutor<Extract<Op, { kind: K }>> };
