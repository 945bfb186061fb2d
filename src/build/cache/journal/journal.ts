import { join } from 'node:path';
import { RecordStore } from '../record-store.ts';

/** One thing that a step depends on, known by a digest of it: no value is kept. */
export interface StepInput {
  /**
   * `command`: what RUN runs. `variable`: of its environment. `files`: what COPY or ADD reads of a context or a URL. `tree`: the files of another stage or image.
   * `option`: anything else that the instruction says.
   */
  readonly kind: 'command' | 'variable' | 'files' | 'tree' | 'option';
  /** Of the variable, stage or option; empty where there is only one of the kind. */
  readonly name: string;
  /** Of `files`: names the list of them (FileLists). */
  readonly digest: string;
}

export interface JournalStep {
  readonly platform: string;
  readonly stage: string;
  readonly number: number;
  readonly total: number;
  readonly text: string;
  /** `later`: the build failed before it, or was for other platforms; the rest is an earlier build's. */
  readonly state: 'ran' | 'cached' | 'later';
  readonly inputs: readonly StepInput[];
  /** Name of the step that it lies on (`nameOf`); undefined when that is the base. */
  readonly below?: string;
  readonly base: { readonly name: string; readonly digest: string };
  /** What dependents know its result by; undefined when it failed. */
  readonly made?: string;
}

export interface JournalBuild {
  /** Seconds since 1970. */
  readonly time: number;
  readonly platforms: readonly string[];
  /** `--no-cache`: every step ran because it was told to. */
  readonly cache: boolean;
  readonly steps: readonly JournalStep[];
}

/** The last build of one kind that ran a step, and the one before: what `polyarch why` compares. */
export interface Journal {
  readonly context: string;
  readonly dockerfile: string;
  readonly target?: string;
  /** References that the result was given. */
  readonly names: readonly string[];
  /** Digests of the result: index and manifests. */
  readonly results: readonly string[];
  readonly build: JournalBuild;
  readonly before?: JournalBuild;
}

/** Builds are of one kind when these are equal. */
export type JournalKey = Pick<Journal, 'context' | 'dockerfile' | 'target'>;

export class JournalStore {
  readonly #records: RecordStore<Journal>;

  /** `directory`: the data directory's `cache`. */
  constructor(directory: string) {
    this.#records = new RecordStore(join(directory, 'builds'));
  }

  get(key: JournalKey): Promise<Journal | undefined> {
    return this.#records.get(textOf(key));
  }

  set(journal: Journal): Promise<void> {
    return this.#records.set(textOf(journal), journal);
  }

  /** Latest first. */
  async all(): Promise<Journal[]> {
    const journals: Journal[] = [];
    for await (const { value } of this.#records.entries()) journals.push(value);
    return journals.sort((a, b) => b.build.time - a.build.time);
  }
}

/** What tells a step from others of its build. */
export function nameOf({
  platform,
  stage,
  number,
}: Pick<JournalStep, 'platform' | 'stage' | 'number'>): string {
  return `${platform} ${stage} ${number}`;
}

function textOf({ context, dockerfile, target }: JournalKey): string {
  return JSON.stringify([context, dockerfile, target ?? null]);
}
