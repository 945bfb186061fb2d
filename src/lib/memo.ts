interface Work<T> {
  readonly value: Promise<T>;
  readonly signal: AbortSignal | undefined;
}

/** Work that is done once a key, also when it is asked for again while it is under way. A failure is remembered too. */
export class Memo<T> {
  readonly #made = new Map<string, Work<T>>();

  /** `signal`: what ends `make`, and this caller's interest. Work that was ended for another caller is done again. */
  of(key: string, make: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const made = this.#made.get(key);
    if (made !== undefined) return this.#shared(key, made, make, signal);
    const value = make();
    this.#made.set(key, { value, signal });
    return value;
  }

  async #shared(key: string, work: Work<T>, make: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work.value;
    } catch (error) {
      if (signal === undefined || signal.aborted || !work.signal?.aborted) throw error;
      if (this.#made.get(key) === work) this.#made.delete(key);
      return await this.of(key, make, signal);
    }
  }

  /** What was made or is under way. */
  peek(key: string): Promise<T> | undefined {
    return this.#made.get(key)?.value;
  }
}
