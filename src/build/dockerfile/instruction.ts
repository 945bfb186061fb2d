import type { Range, Source } from './source.ts';

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

/** `--name` or `--name=value`, quotes taken off. */
export interface Flag {
  readonly name: string;
  readonly value?: string;
}

/** `<<NAME` in an instruction, with the lines up to NAME. */
export interface Heredoc {
  readonly name: string;
  /** False where the marker is quoted. */
  readonly expand: boolean;
  /** `<<-`: leading tabs are to be taken off. */
  readonly chomp: boolean;
  readonly fileDescriptor: number;
  readonly content: string;
}

export interface Pair {
  readonly key: string;
  readonly value: string;
  /** False in the legacy form `ENV key value`. */
  readonly delimited: boolean;
}

/** A command as JSON array (`exec`) or as text for a shell; the text is empty where nothing follows the keyword. */
export type CommandForm =
  | { readonly form: 'exec'; readonly arguments: readonly string[] }
  | { readonly form: 'shell'; readonly text: string };

/** What follows the keyword and its flags: words keep their quotes and variables. */
export type Body =
  | CommandForm
  | { readonly form: 'words'; readonly words: readonly string[] }
  | { readonly form: 'pairs'; readonly pairs: readonly Pair[] }
  | { readonly form: 'text'; readonly text: string }
  | { readonly form: 'health'; readonly type: string; readonly command: CommandForm }
  | { readonly form: 'trigger'; readonly instruction: Instruction };

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
  readonly range: Range;
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
