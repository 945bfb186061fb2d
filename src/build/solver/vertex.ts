export interface SolveOptions {
  signal: AbortSignal;
}

/** A unit of work. The solver knows no more of it than this. */
export interface Vertex<R> {
  /** Same id, solved once. */
  readonly id: string;
  readonly inputs: readonly Vertex<R>[];
  /** Cache keys, cheapest first: each is asked for only when those before it missed. None: never cached. */
  keys(inputs: readonly R[], options: SolveOptions): AsyncIterable<string>;
  exec(inputs: readonly R[], options: SolveOptions): Promise<R>;
}

/** Remembers results by key. */
export interface ResultCache<R> {
  lookup(key: string, options: SolveOptions): Promise<R | undefined>;
  /** Every key that was computed on the way leads to the result from now on. */
  record(keys: readonly string[], result: R): Promise<void>;
}
