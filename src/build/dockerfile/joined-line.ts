import { trimSpace, trimStart } from './characters.ts';
import type { ExactRange } from './source.ts';

interface Piece {
  /** Where in the joined text the piece begins. */
  readonly offset: number;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

/** An instruction's lines, continuations joined, each character of which knows where in the file it stands. */
export class JoinedLine {
  readonly #pieces: Piece[] = [];
  readonly #texts: string[] = [];
  #length = 0;

  /** Adds text that begins at the 1-based line and column. */
  add(text: string, line: number, column: number): void {
    this.#pieces.push({ offset: this.#length, line, column });
    this.#texts.push(text);
    this.#length += text.length;
  }

  /** All of it. To be called when nothing more is added. */
  get slice(): Slice {
    return new Slice(this, this.#texts.join(''), 0);
  }

  /** The place of the character at the offset; behind the last character, the place after it. */
  at(offset: number): { readonly line: number; readonly column: number } {
    let low = 0;
    for (let high = this.#pieces.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const { line, column, offset: start } = this.#pieces[low] ?? { line: 1, column: 1, offset: 0 };
    return { line, column: column + offset - start };
  }
}

/** A part of a joined line. */
export class Slice {
  readonly text: string;
  readonly #line: JoinedLine;
  readonly #start: number;

  constructor(line: JoinedLine, text: string, start: number) {
    this.#line = line;
    this.text = text;
    this.#start = start;
  }

  slice(start: number, end = this.text.length): Slice {
    return new Slice(this.#line, this.text.slice(start, end), this.#start + start);
  }

  trim(): Slice {
    const trimmed = trimSpace(this.text);
    if (trimmed.length === this.text.length) return this;
    const start = this.text.length - trimStart(this.text).length;
    return this.slice(start, start + trimmed.length);
  }

  /** Of the characters from `start` to before `end`; an empty part stands where it would begin. */
  range(start = 0, end = this.text.length): ExactRange {
    const first = this.#line.at(this.#start + start);
    const last = end > start ? this.#line.at(this.#start + end - 1) : undefined;
    return {
      startLine: first.line,
      startColumn: first.column,
      endLine: last?.line ?? first.line,
      endColumn: last === undefined ? first.column : last.column + 1,
    };
  }
}
