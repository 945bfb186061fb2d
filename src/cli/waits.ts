interface Wait {
  readonly text: string;
  readonly began: number;
  readonly until: number;
}

/** Shorter waits are over before they are read. */
const leastCountedMilliseconds = 1500;

/** How a wait is told where lines only grow: `retry …; again in 12.0 s`. */
export function announcedWait(text: string, milliseconds: number): string {
  return `${text}; again in ${(milliseconds / 1000).toFixed(1)} s`;
}

/** Waits under way, for a terminal to count down: of several the last to end is shown. Times are the caller's clock, in milliseconds. */
export class Waits {
  #waits: Wait[] = [];

  get count(): number {
    return this.#waits.length;
  }

  /** False when it is too short to be counted: it is announced then. */
  add(text: string, milliseconds: number, now: number): boolean {
    if (milliseconds < leastCountedMilliseconds) return false;
    this.#waits.push({ text, began: now, until: now + milliseconds });
    return true;
  }

  /** Takes out what is over: a line for each, with how long it took. */
  ended(now: number): string[] {
    const over = this.#waits.filter(({ until }) => until <= now);
    this.#waits = this.#waits.filter(({ until }) => until > now);
    return over.map(({ text, began, until }) => `${text}; waited ${Math.round((until - began) / 1000)} s`);
  }

  /** Milliseconds until the next one ends. */
  next(now: number): number {
    return Math.min(...this.#waits.map(({ until }) => until - now));
  }

  /** At most `width` characters: a line that wraps could not be taken back. */
  line(now: number, width: number): string | undefined {
    const [first, ...others] = this.#waits.toSorted((a, b) => b.until - a.until);
    if (first === undefined) return undefined;
    const seconds = Math.ceil((first.until - now) / 1000);
    const tail = `; again in ${seconds} s${others.length > 0 ? `, and ${others.length} more wait` : ''}`;
    const room = Math.max(width - tail.length, 0);
    const { text } = first;
    return `${text.length > room ? `${text.slice(0, Math.max(room - 1, 0))}…` : text}${tail}`;
  }

  clear(): void {
    this.#waits = [];
  }
}
