import { StringDecoder } from 'node:string_decoder';
import { reasonOf } from '../../../lib/errors.ts';
import type { Node } from '../../graph/graph.ts';
import type { RunOutput } from '../../ops/run-executor.ts';
import type { SolverEvent } from '../../solver/solver.ts';
import type { BuildEvent } from '../engine.ts';

/** Turns the solver's vertices into steps: nodes that no instruction stands for (scratch, a base) stay silent. */
export class StepProgress {
  readonly #nodes = new Map<string, Node>();
  readonly #decoders = new Map<string, StringDecoder>();
  readonly #onEvent: (event: BuildEvent) => void;

  constructor(roots: readonly Node[], onEvent: (event: BuildEvent) => void) {
    this.#onEvent = onEvent;
    const visit = (node: Node): void => {
      if (this.#nodes.has(node.digest)) return;
      this.#nodes.set(node.digest, node);
      for (const input of node.inputs) visit(input);
    };
    for (const root of roots) visit(root);
  }

  get steps(): number {
    return [...this.#nodes.values()].filter((node) => !isSilent(node)).length;
  }

  onSolverEvent(event: Exclude<SolverEvent, { type: 'vertex-missed' | 'vertex-executing' }>): void {
    const node = this.#nodes.get(event.id);
    if (node === undefined || isSilent(node)) return;
    const { id } = event;
    const { steps } = node;
    switch (event.type) {
      case 'vertex-started':
        this.#onEvent({ type: 'step-started', id, steps });
        break;
      case 'vertex-cached':
        this.#onEvent({ type: 'step-cached', id, steps });
        break;
      case 'vertex-done':
        this.#onEvent({ type: 'step-done', id, steps, milliseconds: event.milliseconds });
        break;
      case 'vertex-failed':
        this.#onEvent({ type: 'step-failed', id, steps, message: reasonOf(event.error) });
        break;
      case 'vertex-canceled':
        this.#onEvent({ type: 'step-canceled', id, steps });
        break;
    }
  }

  onOutput({ node, stream, chunk }: RunOutput): void {
    const key = `${node.digest} ${stream}`;
    let decoder = this.#decoders.get(key);
    if (decoder === undefined) {
      decoder = new StringDecoder('utf8');
      this.#decoders.set(key, decoder);
    }
    this.#onEvent({ type: 'output', id: node.digest, steps: node.steps, stream, text: decoder.write(chunk) });
  }
}

/** A base image, and a part of the context that a RUN mounts: no instruction of their own. */
function isSilent({ op }: Node): boolean {
  return op.kind === 'base' || op.kind === 'context';
}
