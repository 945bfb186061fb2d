import { didYouMean } from '../../lib/suggest.ts';
import { BodyError, parseBody } from './body.ts';
import { trimSpace, trimStart } from './characters.ts';
import { DirectiveError, DirectiveReader } from './directives.ts';
import { type HeredocMarker, heredocMarkers } from './heredoc.ts';
import {
  type Body,
  type Dockerfile,
  type Flag,
  type Heredoc,
  type Instruction,
  type Keyword,
  keywords,
} from './instruction.ts';
import { JoinedLine, type Slice } from './joined-line.ts';
import { type ExactRange, invalid, overLimit, type Range, type Source, sourceOf } from './source.ts';
import { cutAtSpaces, splitFlags } from './words.ts';

/** Characters of a Dockerfile. */
const maxDockerfileLength = 2 * 1024 * 1024;
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
      this.#instruction(line, comments);
      comments = [];
    }
    if (this.#instructions.length === 0) {
      const line = Math.max(this.#line, 1);
      throw invalid(this.#source, { startLine: line, endLine: line }, 'file with no instructions');
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

  #instruction(line: string, comments: readonly string[]): void {
    const startLine = this.#line;
    const { joined, hasEmpty } = this.#joined(line);
    const slice = joined.slice.trim();
    if (slice.text === '') return;
    if (this.#instructions.length === maxInstructions) {
      const range = { startLine, endLine: this.#line };
      throw overLimit(this.#source, range, `more than ${maxInstructions} instructions`);
    }
    if (hasEmpty) this.#emptyContinuations.push(this.#line);
    const lines = { startLine, endLine: this.#line };
    const instruction = this.#parse(slice, lines, comments);
    const heredocs = takesHeredocs(instruction) ? this.#heredocs(joined.slice.text, lines) : [];
    // Continuation lines that brought nothing more belong to the instruction as well.
    const end =
      this.#line === instruction.range.endLine
        ? {}
        : { endLine: this.#line, endColumn: this.#length(this.#line) + 1 };
    this.#instructions.push({
      ...instruction,
      heredocs,
      range: { ...instruction.range, ...end },
    });
  }

  /** Characters of a line without its ending. */
  #length(line: number): number {
    return (this.#source.lines[line - 1] ?? '').replace(/\r+$/, '').length;
  }

  /** Continuation lines joined; comments and empty lines between them are left out. */
  #joined(first: string): { joined: JoinedLine; hasEmpty: boolean } {
    const joined = new JoinedLine();
    const start = trimStart(first);
    let part = withoutContinuation(start, this.#escapeCharacter);
    joined.add(part ?? start, this.#line, first.length - start.length + 1);
    let hasEmpty = false;
    if (part === undefined) return { joined, hasEmpty };
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      const trimmed = trimStart(line);
      if (trimmed.startsWith('#')) continue;
      if (trimmed === '') {
        hasEmpty = true;
        continue;
      }
      part = withoutContinuation(line, this.#escapeCharacter);
      joined.add(part ?? line, this.#line, 1);
      if (part === undefined) break;
    }
    return { joined, hasEmpty };
  }

  #parse(slice: Slice, lines: Range, comments: readonly string[]): Instruction {
    const [written, behind = slice.text.length] = cutAtSpaces(slice.text);
    const keyword = written.toUpperCase() as Keyword;
    if (!isKeyword(written)) {
      const what = `unknown instruction: ${written}${didYouMean(written, keywords)}`;
      throw invalid(this.#source, lines, what);
    }
    const rest = slice.slice(behind);
    const { flags, rest: body } = splitFlags(rest.text, this.#escapeCharacter);
    return {
      keyword,
      written,
      flags: flags.map(({ text, start, end }) => flagOf(text, rest.range(start, end))),
      body: this.#body(keyword, rest.slice(body).trim(), lines),
      heredocs: [],
      original: slice.text,
      comments,
      range: slice.range(),
    };
  }

  #body(keyword: Keyword, slice: Slice, lines: Range): Body {
    try {
      if (keyword !== 'ONBUILD') return parseBody(keyword, slice, this.#escapeCharacter);
    } catch (error) {
      if (error instanceof BodyError) throw invalid(this.#source, lines, error.message);
      throw error;
    }
    if (slice.text === '') throw invalid(this.#source, lines, 'ONBUILD requires at least one argument');
    const [trigger] = cutAtSpaces(slice.text);
    if (/^onbuild$/i.test(trigger)) {
      throw invalid(this.#source, lines, "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    }
    if (/^(?:from|maintainer)$/i.test(trigger)) {
      throw invalid(this.#source, lines, `${trigger.toUpperCase()} isn't allowed as an ONBUILD trigger`);
    }
    if (!isKeyword(trigger)) return { form: 'trigger' };
    return { form: 'trigger', instruction: this.#parse(slice, lines, []) };
  }

  #heredocs(text: string, lines: Range): Heredoc[] {
    if (!text.includes('<<')) return [];
    return heredocMarkers(text).map((marker) => this.#heredoc(marker, lines));
  }

  #heredoc(marker: HeredocMarker, instruction: Range): Heredoc {
    const start = this.#line;
    const { lines } = this.#source;
    while (this.#next() !== undefined) {
      const line = (lines[this.#line - 1] ?? '').replace(/\r+$/, '');
      if ((marker.chomp ? line.replace(/^\t+/, '') : line) !== marker.name) continue;
      const content = lines
        .slice(start, this.#line - 1)
        .map((part) => `${part}\n`)
        .join('');
      return { ...marker, content, range: { startLine: start + 1, endLine: this.#line } };
    }
    throw invalid(this.#source, instruction, `unterminated heredoc: no line is ${marker.name}`);
  }
}

function isKeyword(word: string): boolean {
  return keywords.includes(word.toUpperCase() as Keyword);
}

function flagOf(word: string, range: ExactRange): Flag {
  const equals = word.indexOf('=');
  if (equals < 0) return { name: word.slice(2), range };
  return { name: word.slice(2, equals), value: word.slice(equals + 1), range };
}

/** ADD, COPY and RUN in other than JSON form, also behind ONBUILD. */
function takesHeredocs(instruction: Instruction): boolean {
  const { keyword, body } = innermost(instruction);
  if (keyword === 'RUN') return body.form === 'shell';
  return keyword === 'COPY' || keyword === 'ADD';
}

function innermost(instruction: Instruction): Instruction {
  const { body } = instruction;
  return body.form === 'trigger' ? (body.instruction ?? instruction) : instruction;
}

/** The line without the escape character that continues it; undefined when it is not continued. A doubled one does not continue. */
function withoutContinuation(line: string, escapeCharacter: string): string | undefined {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  if (line[end - 1] !== escapeCharacter || line[end - 2] === escapeCharacter) return undefined;
  return line.slice(0, end - 1);
}
