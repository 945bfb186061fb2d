import { overLimit, type Range, type Source } from '../dockerfile/source.ts';

/** Characters that the substitutions of one file may read and write together, patterns counted as pattern × value. */
const maxExpansionWork = 64 * 1024 * 1024;

/** Keeps a Dockerfile whose variables multiply from taking the machine's time and memory. */
export class Budget {
  #left = maxExpansionWork;

  /** LIMIT when the whole is spent. */
  spend(work: number, source: Source, range: Range): void {
    this.#left -= work;
    if (this.#left < 0) throw overLimit(source, range, 'the variables of this file expand to too much');
  }
}
