import { failure, type PolyarchError } from '../../lib/errors.ts';
import { writtenOut } from './characters.ts';

/** 1-based lines, both included. */
export interface Range {
  readonly startLine: number;
  readonly endLine: number;
}

/** To the character: 1-based columns in UTF-16 units, the end column behind the last character. */
export interface ExactRange extends Range {
  readonly startColumn: number;
  readonly endColumn: number;
}

/** The text that ranges point into. */
export interface Source {
  /** As messages show it. */
  readonly filename: string;
  readonly lines: readonly string[];
}

export function sourceOf(text: string, filename: string): Source {
  return { filename, lines: text.replace(/^\ufeff/, '').split('\n') };
}

/** Characters of a line that an excerpt shows. */
const maxExcerptWidth = 200;
/** Lines of one range that an excerpt shows. */
const maxExcerptLines = 20;

/**
 * The lines of the range and some around it, as BuildKit prints them: `file:line`, then the numbered lines with `>>>` on those meant.
 */
export function excerptOf(source: Source, range: Range): string {
  const { lines, filename } = source;
  if (range.startLine < 1 || range.startLine > lines.length) return '';
  const last = lines.at(-1) === '' ? Math.max(lines.length - 1, 1) : lines.length;
  let start = range.startLine;
  let end = Math.min(Math.max(range.endLine, start), start + maxExcerptLines - 1, lines.length);
  const marked = end;
  for (let around = end === start ? 2 : 1; around > 0; around--) {
    if (start > 1) start--;
    if (end < last) end++;
  }
  const shown = lines.slice(start - 1, end).map((line, index) => {
    const number = start + index;
    const mark = number >= range.startLine && number <= marked ? '>>>' : '   ';
    const text = writtenOut(line.replace(/\r$/, '').slice(0, maxExcerptWidth));
    return ` ${String(number).padStart(3)} | ${mark} ${text}`.trimEnd();
  });
  const rule = '-'.repeat(20);
  return [`${writtenOut(filename)}:${range.startLine}`, rule, ...shown, rule].join('\n');
}

/** Characters of a message's last part: what a file says is repeated up to here. */
const maxMessage = 500;

/** A DOCKERFILE failure with the source lines. */
export function invalid(source: Source, range: Range, what: string, hint?: string): PolyarchError {
  return located('DOCKERFILE', 'read', source, range, what, hint);
}

/** An UNSUPPORTED failure with the source lines. */
export function unsupported(source: Source, range: Range, what: string, hint?: string): PolyarchError {
  return located('UNSUPPORTED', 'build', source, range, `${what} is not supported yet`, hint);
}

/** A LIMIT failure with the source lines. */
export function overLimit(source: Source, range: Range, what: string): PolyarchError {
  return located('LIMIT', 'read', source, range, what, undefined);
}

function located(
  code: 'DOCKERFILE' | 'UNSUPPORTED' | 'LIMIT',
  action: string,
  source: Source,
  range: Range,
  what: string,
  hint: string | undefined,
): PolyarchError {
  const shown = writtenOut(what);
  return failure(
    code,
    action,
    `${writtenOut(source.filename)}:${range.startLine}`,
    shown.length > maxMessage ? `${shown.slice(0, maxMessage)}…` : shown,
    { hint: hint === undefined ? undefined : writtenOut(hint), excerpt: excerptOf(source, range) },
  );
}
