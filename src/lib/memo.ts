/** Work that is done once a key, also when it is asked for again while it is under way. A failure is remembered too. */
export class Memo<T> {
  readonly #made = new Map<string, Promise<T>>();

  of(key: string, make: () => Promise<T>): Promise<T> {
    let made = this.#made.get(key);
    if (made === undefined) {
      made = make();
      this.#made.set(key, made);
    }
    return made;
  }

  /** What was made or is under way. */
  peek(key: string): Promise<T> | undefined {
    return this.#made.get(key);
  }
}
