import { throwIfAborted } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import { SolveScope, type Target } from './solve-scope.ts';
import type { OutcomeCache, SolveOptions, Vertex } from './vertex.ts';

export type SolverEvent =
  | { readonly type: 'vertex-started'; readonly id: string }
  | { readonly type: 'vertex-cached'; readonly id: string }
  /** The cheapest key was not found; dearer ones are asked for. */
  | { readonly type: 'vertex-missed'; readonly id: string }
  /** No key was found: its work begins. Not told of a vertex without keys, which no cache could have. */
  | { readonly type: 'vertex-executing'; readonly id: string }
  | { readonly type: 'vertex-done'; readonly id: string; readonly milliseconds: number }
  | { readonly type: 'vertex-failed'; readonly id: string; readonly error: unknown }
  /** Ended because another failed, or from outside. */
  | { readonly type: 'vertex-canceled'; readonly id: string };

export interface SolverOptions {
  onEvent?: ((event: SolverEvent) => void) | undefined;
  /** Most `exec`s at a time. Default: no limit. */
  parallel?: number | undefined;
}

/**
 * Solves a graph of vertices: each id once, each cache key once, independent vertices side by side. The first failure aborts the signal
 * that every `exec` was given, waits for them to end, and is what `solve` rejects with. The failure of a target that may fail aborts what it
 * alone needs.
 */
export class Solver<R, O> {
  readonly #cache: OutcomeCache<O>;
  readonly #onEvent: (event: SolverEvent) => void;
  readonly #pool: Pool;
  readonly #solved = new Map<string, Promise<R>>();
  /** Work under way by cache key: a second vertex that reaches the key takes its outcome. */
  readonly #running = new Map<string, { readonly outcome: Promise<O>; readonly signal: AbortSignal }>();

  constructor(cache: OutcomeCache<O>, options: SolverOptions = {}) {
    this.#cache = cache;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#pool = new Pool(options.parallel ?? Number.POSITIVE_INFINITY);
  }

  async solve(
    vertices: readonly Vertex<R, O>[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<R[]> {
    const settled = await this.settle(
      vertices.map((vertex) => ({ vertex })),
      options,
    );
    return settled.map((outcome) => (outcome as PromiseFulfilledResult<R>).value);
  }

  /** Rejects only where a target fails that may not. */
  async settle(
    targets: readonly Target<R, O>[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<PromiseSettledResult<R>[]> {
    const scope = new SolveScope(targets, options.signal);
    const settled = await Promise.allSettled(targets.map(({ vertex }) => this.#vertex(vertex, scope)));
    if (scope.failure) throw scope.failure.error;
    return settled.map((outcome, index) =>
      outcome.status === 'fulfilled'
        ? outcome
        : { ...outcome, reason: scope.reasonOf(targets[index] as Target<R, O>) },
    );
  }

  #vertex(vertex: Vertex<R, O>, scope: SolveScope<R, O>): Promise<R> {
    let solving = this.#solved.get(vertex.id);
    if (solving === undefined) {
      solving = this.#once(vertex, scope);
      this.#solved.set(vertex.id, solving);
    }
    return solving;
  }

  async #once(vertex: Vertex<R, O>, scope: SolveScope<R, O>): Promise<R> {
    const inputs = await this.#inputs(vertex, scope);
    const options = { signal: scope.signalOf(vertex) };
    try {
      throwIfAborted(options.signal);
    } catch (error) {
      scope.fail(vertex, error);
      throw error;
    }
    this.#onEvent({ type: 'vertex-started', id: vertex.id });
    try {
      const { outcome, milliseconds } = await this.#lookupOrRun(vertex, inputs, options);
      this.#onEvent(
        milliseconds === undefined
          ? { type: 'vertex-cached', id: vertex.id }
          : { type: 'vertex-done', id: vertex.id, milliseconds },
      );
      return vertex.join(inputs, outcome);
    } catch (error) {
      const isCanceled = options.signal.aborted;
      scope.fail(vertex, error);
      this.#onEvent(
        isCanceled
          ? { type: 'vertex-canceled', id: vertex.id }
          : { type: 'vertex-failed', id: vertex.id, error },
      );
      throw error;
    }
  }

  /** Waits for every input even when one fails, so that no work is left running behind a failure. */
  async #inputs(vertex: Vertex<R, O>, scope: SolveScope<R, O>): Promise<R[]> {
    const settled = await Promise.allSettled(vertex.inputs.map((input) => this.#vertex(input, scope)));
    return settled.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  /** `milliseconds`: of the work; undefined when there was none. */
  async #lookupOrRun(
    vertex: Vertex<R, O>,
    inputs: readonly R[],
    options: SolveOptions,
  ): Promise<{ outcome: O; milliseconds?: number }> {
    const keys: string[] = [];
    for await (const key of vertex.keys(inputs, options)) {
      const shared = await this.#shared(key, options);
      const hit = shared ?? (await this.#cache.lookup(key, options));
      if (hit !== undefined) {
        await this.#record(vertex, inputs, { keys, outcome: hit, made: shared !== undefined }, options);
        return { outcome: hit };
      }
      keys.push(key);
      if (keys.length === 1) this.#onEvent({ type: 'vertex-missed', id: vertex.id });
    }
    const last = keys.at(-1);
    // Another vertex may have reached the last key while this one was looking it up.
    while (last !== undefined && this.#running.has(last)) {
      const shared = await this.#shared(last, options);
      if (shared !== undefined) return { outcome: shared };
    }
    if (last !== undefined) this.#onEvent({ type: 'vertex-executing', id: vertex.id });
    const running = this.#exec(vertex, inputs, last, options);
    if (last !== undefined) {
      const outcome = running.then((made) => made.outcome);
      outcome.catch(() => {});
      this.#running.set(last, { outcome, signal: options.signal });
    }
    const made = await running;
    await this.#record(vertex, inputs, { keys, outcome: made.outcome, made: true }, options);
    return made;
  }

  /** The outcome of work under way, unless that is abandoned before it has one. */
  async #shared(key: string, { signal }: SolveOptions): Promise<O | undefined> {
    for (let work = this.#running.get(key); work !== undefined; work = this.#running.get(key)) {
      try {
        return await work.outcome;
      } catch (error) {
        if (signal.aborted || !work.signal.aborted) throw error;
        if (this.#running.get(key) === work) this.#running.delete(key);
      }
    }
    return undefined;
  }

  #exec(vertex: Vertex<R, O>, inputs: readonly R[], key: string | undefined, options: SolveOptions) {
    return this.#pool.run(async () => {
      throwIfAborted(options.signal);
      const start = performance.now();
      const outcome = await vertex.exec(inputs, key, options);
      return { outcome, milliseconds: performance.now() - start };
    });
  }

  /** `made`: in this build, so that more may be known of it than its keys said. */
  async #record(
    vertex: Vertex<R, O>,
    inputs: readonly R[],
    { keys, outcome, made }: { keys: readonly string[]; outcome: O; made: boolean },
    options: SolveOptions,
  ): Promise<void> {
    const learnt = made ? ((await vertex.learnt?.(inputs, options)) ?? []) : [];
    if (keys.length + learnt.length > 0) await this.#cache.record([...keys, ...learnt], outcome);
  }
}
