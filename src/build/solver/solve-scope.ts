import type { Vertex } from './vertex.ts';

/** A vertex that is wanted for itself. */
export interface Target<R, O> {
  readonly vertex: Vertex<R, O>;
  /** True: the others go on without it. Default: its failure ends them all. */
  readonly mayFail?: (error: unknown) => boolean;
}

interface Reached<R, O> {
  /** Targets that still need it. */
  readonly targets: Set<Target<R, O>>;
  readonly stop: AbortController;
}

/** Decides what the failure of a vertex ends: what is needed by nothing else than targets that can't be had any more. */
export class SolveScope<R, O> {
  readonly #vertices = new Map<string, Reached<R, O>>();
  readonly #lost = new Map<Target<R, O>, unknown>();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #first: { readonly error: unknown } | undefined;

  constructor(targets: readonly Target<R, O>[], signal: AbortSignal | undefined) {
    this.#signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    for (const target of targets) {
      for (const { id } of reached(target.vertex)) {
        const known = this.#vertices.get(id) ?? { targets: new Set(), stop: new AbortController() };
        known.targets.add(target);
        this.#vertices.set(id, known);
      }
    }
  }

  /** Aborted with the whole, or when no target needs the vertex any more. */
  signalOf({ id }: Vertex<R, O>): AbortSignal {
    const known = this.#vertices.get(id);
    return known === undefined ? this.#signal : AbortSignal.any([this.#signal, known.stop.signal]);
  }

  /** The vertex itself failed, not one that it needs. */
  fail({ id }: Vertex<R, O>, error: unknown): void {
    const targets = [...(this.#vertices.get(id)?.targets ?? [])];
    if (targets.length === 0 || this.#first !== undefined) return;
    if (targets.every(({ mayFail }) => mayFail?.(error))) {
      for (const target of targets) this.#lose(target, error);
    } else {
      this.#first = { error };
      this.#stop.abort(error);
    }
  }

  /** What ended the whole. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#first;
  }

  /** Why a target that may fail did. */
  reasonOf(target: Target<R, O>): unknown {
    return this.#lost.get(target);
  }

  #lose(target: Target<R, O>, reason: unknown): void {
    this.#lost.set(target, reason);
    for (const { id } of reached(target.vertex)) {
      const known = this.#vertices.get(id);
      known?.targets.delete(target);
      if (known?.targets.size === 0) known.stop.abort(reason);
    }
  }
}

function reached<R, O>(target: Vertex<R, O>): Iterable<Vertex<R, O>> {
  const found = new Map<string, Vertex<R, O>>();
  const visit = (vertex: Vertex<R, O>): void => {
    if (found.has(vertex.id)) return;
    found.set(vertex.id, vertex);
    for (const input of vertex.inputs) visit(input);
  };
  visit(target);
  return found.values();
}
