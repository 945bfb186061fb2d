/** The part of a terminal or pipe that is written to. */
export interface LineOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface Wait {
  readonly text: string;
  readonly began: number;
  readonly until: number;
}

const tickMilliseconds = 250;
/** Shorter waits are over before they are read. */
const leastCountedMilliseconds = 1500;

/**
 * Lines on a terminal or pipe, and waits among them. On a terminal a wait is a line at the bottom that counts its seconds down, and stays when
 * it is over with how long it took; of several the last to end is shown. On a pipe it is one line, when it begins.
 */
export class LiveLines {
  readonly #out: LineOutput;
  readonly #now: () => number;
  #waits: Wait[] = [];
  #drawn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: LineOutput, options: { now?: () => number } = {}) {
    this.#out = out;
    this.#now = options.now ?? Date.now;
  }

  write(line: string): void {
    this.#clear();
    this.#out.write(`${line}\n`);
    this.#draw();
  }

  /** `text` and how long it will be: `retry …; again in 12.0 s`. */
  wait(text: string, milliseconds: number): void {
    if (!this.#out.isTTY || milliseconds < leastCountedMilliseconds) {
      this.write(`${text}; again in ${(milliseconds / 1000).toFixed(1)} s`);
      return;
    }
    const began = this.#now();
    this.#waits.push({ text, began, until: began + milliseconds });
    this.tick();
  }

  /** Brings what is shown up to the clock. */
  tick(): void {
    const now = this.#now();
    const over = this.#waits.filter(({ until }) => until <= now);
    this.#waits = this.#waits.filter(({ until }) => until > now);
    this.#clear();
    for (const { text, began, until } of over)
      this.#out.write(`${text}; waited ${Math.round((until - began) / 1000)} s\n`);
    this.#draw();
    clearTimeout(this.#timer);
    if (this.#waits.length === 0) return;
    // To the millisecond at the end: whoever waited writes next.
    const next = Math.min(tickMilliseconds, ...this.#waits.map(({ until }) => until - now));
    this.#timer = setTimeout(() => this.tick(), next).unref();
  }

  /** Takes the counting line away: something else writes now, or nothing does any more. */
  end(): void {
    this.#waits = [];
    clearTimeout(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[K');
    this.#drawn = false;
  }

  #draw(): void {
    const [first, ...others] = this.#waits.toSorted((a, b) => b.until - a.until);
    if (first === undefined) return;
    const seconds = Math.ceil((first.until - this.#now()) / 1000);
    const tail = `; again in ${seconds} s${others.length > 0 ? `, and ${others.length} more wait` : ''}`;
    // A line that wraps could not be taken back.
    const room = Math.max((this.#out.columns || 80) - 1 - tail.length, 0);
    this.#out.write(
      `${first.text.length > room ? `${first.text.slice(0, Math.max(room - 1, 0))}…` : first.text}${tail}`,
    );
    this.#drawn = true;
  }
}

/** Standard error's. */
export const errorLines = new LiveLines(process.stderr);
