import { printable } from '../dockerfile/characters.ts';
import { excerptOf, type Range, type Source } from '../dockerfile/source.ts';
import type { Warning } from './plan-request.ts';

/** Gathers warnings; what is said of several platforms is said once. */
export class Warnings {
  readonly #source: Source;
  readonly #found = new Map<string, Warning>();

  constructor(source: Source) {
    this.#source = source;
  }

  add(rule: string, message: string, range: Range): void {
    const key = `${rule}\n${range.startLine}\n${message}`;
    if (this.#found.has(key)) return;
    this.#found.set(key, {
      rule,
      message: printable(message),
      line: range.startLine,
      excerpt: excerptOf(this.#source, range),
    });
  }

  /** By line. */
  get list(): Warning[] {
    return [...this.#found.values()].sort((a, b) => a.line - b.line);
  }
}
