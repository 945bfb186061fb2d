export interface SolveOptions {
  signal: AbortSignal;
}

/**
 * A unit of work. The solver knows no more of it than this. `O` is the outcome, what the work itself makes and the cache remembers; `R` is
 * the result that dependents see: the outcome joined with the inputs' results (a layer on top of its tree).
 */
export interface Vertex<R, O> {
  /** Same id, solved once. */
  readonly id: string;
  readonly inputs: readonly Vertex<R, O>[];
  /** Cache keys, cheapest first: each is asked for only when those before it missed. None: never cached. */
  keys(inputs: readonly R[], options: SolveOptions): AsyncIterable<string>;
  /** `key`: the last of `keys`, all of which missed; undefined when there was none. */
  exec(inputs: readonly R[], key: string | undefined, options: SolveOptions): Promise<O>;
  /** Keys that it is found by from now on, besides those that missed: known only with an outcome of its own or of an equal vertex. */
  learnt?(inputs: readonly R[], options: SolveOptions): Promise<readonly string[]>;
  join(inputs: readonly R[], outcome: O): R;
}

/** Remembers outcomes by key. */
export interface OutcomeCache<O> {
  lookup(key: string, options: SolveOptions): Promise<O | undefined>;
  /** Every key that was computed on the way leads to the outcome from now on. */
  record(keys: readonly string[], outcome: O): Promise<void>;
}
