import type { Word } from './words.ts';

/** The strings of what is known to be a JSON array of strings, each with its quotes' place. */
export function jsonStrings(text: string): Word[] {
  return Array.from(text.matchAll(/"(?:[^"\\]|\\.)*"/g), ({ 0: literal, index }) => ({
    text: JSON.parse(literal) as string,
    start: index,
    end: index + literal.length,
  }));
}
