import type { ExactRange, Range, Source } from './source.ts';

export const keywords = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
] as const;

export type Keyword = (typeof keywords)[number];

/**
 * `--name` or `--name=value`, quotes and escapes taken off, variables as written. In the order of the file, repeated ones each by itself:
 * `readFlags` (read-flags.ts) checks them against those that an instruction has.
 */
export interface Flag {
  readonly name: string;
  readonly value?: string;
  readonly range: ExactRange;
}

/**
 * `<<NAME` in a RUN (shell form), COPY or ADD, with the lines up to NAME, in the order of the markers. What they mean: `heredocCommand`
 * (heredoc-command.ts) for RUN, `splitSources` (inline-files.ts) for COPY and ADD.
 */
export interface Heredoc {
  readonly name: string;
  /** False where the marker is quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are to be taken off. */
  readonly chomp: boolean;
  readonly fileDescriptor: number;
  /** The lines as they stand in the file, each with its line ending; `heredocText` (heredoc.ts) takes the tabs of `<<-` off. */
  readonly content: string;
  /** From the first line behind the instruction's own to the line that is NAME. */
  readonly range: Range;
}

export interface Pair {
  readonly key: string;
  readonly value: string;
  /** False in the legacy form `ENV key value`. */
  readonly delimited: boolean;
  readonly range: ExactRange;
}

/** A command as JSON array (`exec`) or as text for a shell; the text is empty where nothing follows the keyword. */
export type CommandForm =
  | { readonly form: 'exec'; readonly arguments: readonly string[]; readonly ranges: readonly ExactRange[] }
  | { readonly form: 'shell'; readonly text: string; readonly range: ExactRange };

/** What follows the keyword and its flags: words keep their quotes and variables. `ranges` has one for each word. */
export type Body =
  | CommandForm
  | { readonly form: 'words'; readonly words: readonly string[]; readonly ranges: readonly ExactRange[] }
  | { readonly form: 'pairs'; readonly pairs: readonly Pair[] }
  | { readonly form: 'text'; readonly text: string; readonly range: ExactRange }
  | { readonly form: 'health'; readonly type: string; readonly command: CommandForm }
  /** None where the trigger begins with a word that is no instruction's: builds that are FROM the image fail with it. */
  | { readonly form: 'trigger'; readonly instruction?: Instruction };

/**
 * One instruction, as it is written: nothing is expanded, unquoted or checked beyond its form. Ranges point into the file's text; a word that continuation
 * lines tear apart has one range over all of them.
 */
export interface Instruction {
  readonly keyword: Keyword;
  /** The keyword as written. */
  readonly written: string;
  readonly flags: readonly Flag[];
  readonly body: Body;
  readonly heredocs: readonly Heredoc[];
  /** The whole instruction on one line, continuation lines joined, comments inside left out. */
  readonly original: string;
  /** Comment lines right above, without `#`. */
  readonly comments: readonly string[];
  /** From the keyword to the end of the arguments or, by whole lines, of the last heredoc. */
  readonly range: ExactRange;
}

export interface Directive {
  readonly name: 'syntax' | 'escape' | 'check';
  readonly value: string;
  readonly line: number;
}

export interface Dockerfile {
  readonly source: Source;
  readonly directives: readonly Directive[];
  /** The character of the `escape` directive. */
  readonly escapeCharacter: '\\' | '`';
  readonly instructions: readonly Instruction[];
  /** Last lines of instructions that hold empty continuation lines: deprecated. */
  readonly emptyContinuations: readonly number[];
}
