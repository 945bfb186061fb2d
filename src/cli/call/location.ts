import type { ExactRange, Range } from '../../build/dockerfile/source.ts';

interface Position {
  readonly line: number;
  /** 0-based, in UTF-16 units. */
  readonly character?: number;
}

/** A range as buildx prints it. */
export interface JsonLocation {
  readonly ranges: readonly { readonly start: Position; readonly end: Position }[];
}

export function jsonLocation(range: Range): JsonLocation {
  const { startColumn, endColumn } = range as Partial<ExactRange>;
  const position = (line: number, column: number | undefined): Position =>
    column === undefined ? { line } : { line, character: column - 1 };
  return {
    ranges: [{ start: position(range.startLine, startColumn), end: position(range.endLine, endColumn) }],
  };
}

/** The Dockerfile's text, as buildx prints it beside what points into it. */
export function jsonSources(text: string): string[] {
  return [Buffer.from(text).toString('base64')];
}
