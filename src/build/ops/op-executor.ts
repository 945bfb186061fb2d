import type { Digest } from '../../lib/digest.ts';
import type { Node } from '../graph/graph.ts';
import type { Op } from '../graph/op.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { Outcome, Tree } from './tree.ts';

/** A key for this build alone: equal steps share their work by it, and no cache is asked or told. */
export type PassingKey = `passing:${string}`;

/** What `exec` is told besides the op and its inputs. */
export interface ExecOptions extends SolveOptions {
  /** The node, for messages and output. */
  readonly node: Node;
  /** The last of the op's keys, which its outcome carries on; an op without keys makes its own. */
  readonly key: Digest;
}

/** What one kind of op does. `inputs` are the trees of the node's inputs, in their order. */
export interface OpExecutor<O extends Op = Op> {
  keys(op: O, inputs: readonly Tree[], options: SolveOptions): AsyncIterable<Digest | PassingKey>;
  exec(op: O, inputs: readonly Tree[], options: ExecOptions): Promise<Outcome>;
  /** Vertex.learnt. */
  learnt?(op: O, inputs: readonly Tree[], options: SolveOptions): Promise<readonly Digest[]>;
}

export type OpExecutors = { readonly [K in Op['kind']]: OpExecutor<Extract<Op, { kind: K }>> };
