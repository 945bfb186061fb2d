import { BodyError, parseBody } from './body.ts';
import { trimSpace, trimStart } from './characters.ts';
import { DirectiveError, DirectiveReader } from './directives.ts';
import { type HeredocMarker, heredocMarkers } from './heredoc.ts';
import {
  type Body,
  type Dockerfile,
  type Heredoc,
  type Instruction,
  type Keyword,
  keywords,
} from './instruction.ts';
import { invalid, overLimit, type Range, type Source, sourceOf } from './source.ts';
import { didYouMean } from './suggest.ts';
import { cutAtSpaces, splitFlags } from './words.ts';

/** Characters of a Dockerfile. */
export const maxDockerfileLength = 2 * 1024 * 1024;
/** Instructions of a Dockerfile. */
export const maxInstructions = 2000;

/** Text → instructions with their lines. Throws PolyarchError only: DOCKERFILE, or LIMIT for a file that is too large. */
export function parseDockerfile(text: string, filename: string): Dockerfile {
  const source = sourceOf(text.slice(0, maxDockerfileLength), filename);
  if (text.length > maxDockerfileLength) {
    throw overLimit(source, { startLine: 1, endLine: 1 }, `longer than ${maxDockerfileLength} characters`);
  }
  return new Parser(source).parse();
}

class Parser {
  readonly #source: Source;
  readonly #directives = new DirectiveReader();
  readonly #instructions: Instruction[] = [];
  readonly #emptyContinuations: number[] = [];
  #escapeCharacter: '\\' | '`' = '\\';
  /** Lines read so far: the 1-based number of the line in hand. */
  #line = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  parse(): Dockerfile {
    let comments: string[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const text = trimStart(line);
      if (this.#isDirective(text)) continue;
      if (text.startsWith('#')) {
        const comment = trimSpace(text.slice(1));
        comments = comment === '' ? [] : [...comments.slice(-99), comment];
        continue;
      }
      if (text === '') continue;
      this.#instruction(text, comments);
      comments = [];
    }
    if (this.#instructions.length === 0) {
      throw invalid(this.#source, { startLine: 1, endLine: 1 }, 'file with no instructions');
    }
    return {
      source: this.#source,
      directives: this.#directives.found,
      escapeCharacter: this.#escapeCharacter,
      instructions: this.#instructions,
      emptyContinuations: this.#emptyContinuations,
    };
  }

  /** The next line without its ending. */
  #next(): string | undefined {
    const { lines } = this.#source;
    const line = lines[this.#line];
    // What follows the last line ending is a line only when it is not empty.
    if (line === undefined || (this.#line === lines.length - 1 && line === '')) return undefined;
    this.#line++;
    return line.replace(/\r+$/, '');
  }

  #isDirective(text: string): boolean {
    try {
      const directive = this.#directives.read(text, this.#line);
      if (directive?.name === 'escape') this.#escapeCharacter = directive.value as '\\' | '`';
      return directive !== undefined;
    } catch (error) {
      if (!(error instanceof DirectiveError)) throw error;
      throw invalid(this.#source, { startLine: this.#line, endLine: this.#line }, error.message);
    }
  }

  #instruction(first: string, comments: readonly string[]): void {
    const startLine = this.#line;
    const { text, hasEmpty } = this.#joined(first);
    if (text === undefined) return;
    let range = { startLine, endLine: this.#line };
    if (this.#instructions.length === maxInstructions) {
      throw overLimit(this.#source, range, `more than ${maxInstructions} instructions`);
    }
    if (hasEmpty) this.#emptyContinuations.push(this.#line);
    const instruction = this.#parse(text, range, comments);
    const heredocs = takesHeredocs(instruction) ? this.#heredocs(text, range) : [];
    range = { startLine, endLine: this.#line };
    this.#instructions.push({ ...instruction, heredocs, range });
  }

  /** Continuation lines joined; comments and empty lines between them are left out. */
  #joined(first: string): { text: string | undefined; hasEmpty: boolean } {
    let part = withoutContinuation(first, this.#escapeCharacter);
    let hasEmpty = false;
    if (part === undefined) return { text: first, hasEmpty };
    const parts = [part];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const trimmed = trimStart(line);
      if (trimmed.startsWith('#')) continue;
      if (trimmed === '') {
        hasEmpty = true;
        continue;
      }
      part = withoutContinuation(line, this.#escapeCharacter);
      parts.push(part ?? line);
      if (part === undefined) break;
    }
    const text = parts.join('');
    return { text: trimSpace(text) === '' ? undefined : text, hasEmpty };
  }

  #parse(line: string, range: Range, comments: readonly string[]): Instruction {
    const [written, rest = ''] = cutAtSpaces(trimSpace(line));
    const keyword = written.toUpperCase() as Keyword;
    if (!keywords.includes(keyword)) {
      const what = `unknown instruction: ${written}${didYouMean(written, keywords)}`;
      throw invalid(this.#source, range, what);
    }
    const { flags, rest: body } = splitFlags(rest, this.#escapeCharacter);
    return {
      keyword,
      written,
      flags,
      body: this.#body(keyword, trimSpace(body), range),
      heredocs: [],
      original: trimSpace(line),
      comments,
      range,
    };
  }

  #body(keyword: Keyword, text: string, range: Range): Body {
    try {
      if (keyword !== 'ONBUILD') return parseBody(keyword, text, this.#escapeCharacter);
    } catch (error) {
      if (error instanceof BodyError) throw invalid(this.#source, range, error.message);
      throw error;
    }
    if (text === '') throw invalid(this.#source, range, 'ONBUILD requires at least one argument');
    const [trigger] = cutAtSpaces(text);
    if (/^onbuild$/i.test(trigger)) {
      throw invalid(this.#source, range, "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    }
    if (/^(?:from|maintainer)$/i.test(trigger)) {
      throw invalid(this.#source, range, `${trigger.toUpperCase()} isn't allowed as an ONBUILD trigger`);
    }
    return { form: 'trigger', instruction: this.#parse(text, range, []) };
  }

  #heredocs(text: string, range: Range): Heredoc[] {
    if (!text.includes('<<')) return [];
    return heredocMarkers(text).map((marker) => ({ ...marker, content: this.#heredocLines(marker, range) }));
  }

  #heredocLines(marker: HeredocMarker, range: Range): string {
    const start = this.#line;
    const { lines } = this.#source;
    while (this.#next() !== undefined) {
      const line = (lines[this.#line - 1] ?? '').replace(/\r+$/, '');
      if ((marker.chomp ? line.replace(/^\t+/, '') : line) !== marker.name) continue;
      return lines
        .slice(start, this.#line - 1)
        .map((content) => `${content}\n`)
        .join('');
    }
    throw invalid(this.#source, range, `unterminated heredoc: no line is ${marker.name}`);
  }
}

/** ADD, COPY and RUN in other than JSON form, also behind ONBUILD. */
function takesHeredocs(instruction: Instruction): boolean {
  const { keyword, body } = innermost(instruction);
  if (keyword === 'RUN') return body.form === 'shell';
  return keyword === 'COPY' || keyword === 'ADD';
}

function innermost(instruction: Instruction): Instruction {
  return instruction.body.form === 'trigger' ? instruction.body.instruction : instruction;
}

/** The line without the escape character that continues it; undefined when it is not continued. A doubled one does not continue. */
function withoutContinuation(line: string, escapeCharacter: string): string | undefined {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  if (line[end - 1] !== escapeCharacter || line[end - 2] === escapeCharacter) return undefined;
  return line.slice(0, end - 1);
}
