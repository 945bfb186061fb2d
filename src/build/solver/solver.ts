import { throwIfAborted } from '../../lib/errors.ts';
import type { OutcomeCache, SolveOptions, Vertex } from './vertex.ts';

export type SolverEvent =
  | { readonly type: 'vertex-started'; readonly id: string }
  | { readonly type: 'vertex-cached'; readonly id: string }
  /** No key was found: its work begins. */
  | { readonly type: 'vertex-executing'; readonly id: string }
  | { readonly type: 'vertex-done'; readonly id: string; readonly milliseconds: number }
  | { readonly type: 'vertex-failed'; readonly id: string; readonly error: unknown };

export interface SolverOptions {
  onEvent?: ((event: SolverEvent) => void) | undefined;
}

/**
 * Solves a graph of vertices: each id once, each cache key once, independent vertices side by side. The first failure aborts the signal
 * that every `exec` was given, waits for them to end, and is what `solve` rejects with.
 */
export class Solver<R, O> {
  readonly #cache: OutcomeCache<O>;
  readonly #onEvent: (event: SolverEvent) => void;
  readonly #solved = new Map<string, Promise<R>>();
  /** Work under way by cache key: a second vertex that reaches the key takes its outcome. */
  readonly #running = new Map<string, Promise<O>>();

  constructor(cache: OutcomeCache<O>, options: SolverOptions = {}) {
    this.#cache = cache;
    this.#onEvent = options.onEvent ?? (() => {});
  }

  async solve(
    targets: readonly Vertex<R, O>[],
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<R[]> {
    const failed = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
    let first: { error: unknown } | undefined;
    const settled = await Promise.allSettled(
      targets.map(async (target) => {
        try {
          return await this.#vertex(target, { signal });
        } catch (error) {
          first ??= { error };
          failed.abort(error);
          throw error;
        }
      }),
    );
    if (first) throw first.error;
    return settled.map((outcome) => (outcome as PromiseFulfilledResult<R>).value);
  }

  #vertex(vertex: Vertex<R, O>, options: SolveOptions): Promise<R> {
    let solving = this.#solved.get(vertex.id);
    if (solving === undefined) {
      solving = this.#once(vertex, options);
      this.#solved.set(vertex.id, solving);
    }
    return solving;
  }

  async #once(vertex: Vertex<R, O>, options: SolveOptions): Promise<R> {
    const inputs = await this.#inputs(vertex, options);
    throwIfAborted(options.signal);
    const start = performance.now();
    this.#onEvent({ type: 'vertex-started', id: vertex.id });
    try {
      const { outcome, cached } = await this.#lookupOrRun(vertex, inputs, options);
      this.#onEvent(
        cached
          ? { type: 'vertex-cached', id: vertex.id }
          : { type: 'vertex-done', id: vertex.id, milliseconds: performance.now() - start },
      );
      return vertex.join(inputs, outcome);
    } catch (error) {
      this.#onEvent({ type: 'vertex-failed', id: vertex.id, error });
      throw error;
    }
  }

  /** Waits for every input even when one fails, so that no work is left running behind a failure. */
  async #inputs(vertex: Vertex<R, O>, options: SolveOptions): Promise<R[]> {
    const settled = await Promise.allSettled(vertex.inputs.map((input) => this.#vertex(input, options)));
    return settled.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason;
      return outcome.value;
    });
  }

  async #lookupOrRun(
    vertex: Vertex<R, O>,
    inputs: readonly R[],
    options: SolveOptions,
  ): Promise<{ outcome: O; cached: boolean }> {
    const keys: string[] = [];
    for await (const key of vertex.keys(inputs, options)) {
      const shared = this.#running.get(key);
      const hit = shared !== undefined ? await shared : await this.#cache.lookup(key, options);
      if (hit !== undefined) {
        await this.#record(vertex, inputs, { keys, outcome: hit, made: shared !== undefined }, options);
        return { outcome: hit, cached: true };
      }
      keys.push(key);
    }
    const last = keys.at(-1);
    // Another vertex may have reached the last key while this one was looking it up.
    const shared = last === undefined ? undefined : this.#running.get(last);
    if (shared !== undefined) return { outcome: await shared, cached: true };
    this.#onEvent({ type: 'vertex-executing', id: vertex.id });
    const running = vertex.exec(inputs, last, options);
    if (last !== undefined) this.#running.set(last, running);
    const outcome = await running;
    await this.#record(vertex, inputs, { keys, outcome, made: true }, options);
    return { outcome, cached: false };
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
