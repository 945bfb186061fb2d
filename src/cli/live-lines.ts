import { announcedWait, Waits } from './waits.ts';

/** The part of a terminal or pipe that is written to. */
export interface LineOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const tickMilliseconds = 250;

/**
 * Lines on a terminal or pipe, and waits among them. On a terminal a wait is a line at the bottom that counts its seconds down, and stays when
 * it is over with how long it took; of several the last to end is shown. On a pipe it is one line, when it begins.
 */
export class LiveLines {
  readonly #out: LineOutput;
  readonly #now: () => number;
  readonly #waits = new Waits();
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
    if (!this.#out.isTTY || !this.#waits.add(text, milliseconds, this.#now()))
      this.write(announcedWait(text, milliseconds));
    else this.tick();
  }

  /** Brings what is shown up to the clock. */
  tick(): void {
    const now = this.#now();
    this.#clear();
    for (const line of this.#waits.ended(now)) this.#out.write(`${line}\n`);
    this.#draw();
    clearTimeout(this.#timer);
    if (this.#waits.count === 0) return;
    // To the millisecond at the end: whoever waited writes next.
    this.#timer = setTimeout(() => this.tick(), Math.min(tickMilliseconds, this.#waits.next(now))).unref();
  }

  /** Takes the counting line away: something else writes now, or nothing does any more. */
  end(): void {
    this.#waits.clear();
    clearTimeout(this.#timer);
    this.#clear();
  }

  #clear(): void {
    if (this.#drawn) this.#out.write('\r\u001b[K');
    this.#drawn = false;
  }

  #draw(): void {
    const line = this.#waits.line(this.#now(), (this.#out.columns || 80) - 1);
    if (line === undefined) return;
    this.#out.write(line);
    this.#drawn = true;
  }
}

/** Standard error's. */
export const errorLines = new LiveLines(process.stderr);
