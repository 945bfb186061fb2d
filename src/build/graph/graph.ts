import { isDeepStrictEqual } from 'node:util';
import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { Op } from './op.ts';

/** The instruction, stage and platform that a node stands for. One node stands for several when their inputs are equal. */
export interface Step {
  readonly platform: Platform;
  /** The stage's name, else its number as text. */
  readonly stage: string;
  /** 1-based among the stage's instructions; `total` is their count. */
  readonly number: number;
  readonly total: number;
  /** The instruction as written, continuation lines joined. */
  readonly text: string;
  /** 1-based lines of the Dockerfile. */
  readonly startLine: number;
  readonly endLine: number;
}

/** An op with its inputs. Same op and inputs, same digest, the same node. */
export interface Node {
  readonly digest: Digest;
  readonly op: Op;
  readonly inputs: readonly Node[];
  readonly steps: Step[];
}

/** One graph for all platforms: interns nodes, so that equal work exists once. */
export class Graph {
  readonly #nodes = new Map<Digest, Node>();

  add(op: Op, inputs: readonly Node[], step?: Step): Node {
    const digest = digestOfValue({ op, inputs: inputs.map((input) => input.digest) });
    let node = this.#nodes.get(digest);
    if (node === undefined) {
      node = { digest, op, inputs, steps: [] };
      this.#nodes.set(digest, node);
    }
    // A stage that is the same for two platforms is one step, not two.
    if (step !== undefined && !node.steps.some((known) => isDeepStrictEqual(known, step)))
      node.steps.push(step);
    return node;
  }

  get size(): number {
    return this.#nodes.size;
  }
}
