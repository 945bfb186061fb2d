import { isSpace } from './characters.ts';

/** A word, its quotes and escapes as its reader leaves them, and the part of the text that it was read from: `end` is behind it. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Runs of what separates the words of a line. */
const separator = /[\t\v\f\r ]+/;

/** Characters that are never white space, quotes or an escape character. */
const meaningless = /[!#-&(-[\]-_a-~]+/y;

export function splitAtSpaces(text: string): Word[] {
  const words: Word[] = [];
  let start = 0;
  for (const word of text.split(separator)) {
    if (word === '') continue;
    start = text.indexOf(word, start);
    words.push({ text: word, start, end: start + word.length });
    start += word.length;
  }
  return words;
}

/** The first word, and where what follows the white space behind it begins: undefined when there is no such white space. */
export function cutAtSpaces(text: string): [string, number | undefined] {
  const found = separator.exec(text);
  if (found === null) return [text, undefined];
  return [text.slice(0, found.index), found.index + found[0].length];
}

/** Words with their quotes and escapes: white space inside quotes or behind the escape character does not split. */
export function splitQuoted(text: string, escapeCharacter: string): Word[] {
  const words: Word[] = [];
  let quote = '';
  let word = '';
  let start: number | undefined;
  const endWord = (end: number) => {
    if (word !== '' && start !== undefined) words.push({ text: word, start, end });
    word = '';
    start = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    meaningless.lastIndex = at;
    if (meaningless.test(text)) {
      start ??= at;
      word += text.slice(at, meaningless.lastIndex);
      at = meaningless.lastIndex;
      if (at === text.length) break;
    }
    const character = text.charAt(at);
    if (start === undefined && isSpace(character)) continue;
    start ??= at;
    if (quote === '' && isSpace(character)) {
      endWord(at);
      continue;
    }
    if (quote === '' ? character === "'" || character === '"' : character === quote) {
      quote = quote === '' ? character : '';
    } else if (character === escapeCharacter && quote !== "'") {
      // an escape character at the very end is dropped.
      if (at + 1 === text.length) break;
      word += character + text.charAt(++at);
      continue;
    }
    word += character;
  }
  endWord(text.length);
  return words;
}

/** The words of an instruction's flags, `--` included in each, and where the arguments behind them begin. A bare `--` ends the flags. */
export function splitFlags(text: string, escapeCharacter: string): { flags: Word[]; rest: number } {
  const flags: Word[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charAt(at))) at++;
    if (!text.startsWith('--', at)) return { flags, rest: at };
    const start = at;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      let character = text.charAt(at);
      if (quote === '' && isSpace(character)) break;
      if (quote === '' ? character === "'" || character === '"' : character === quote) {
        quote = quote === '' ? character : '';
        continue;
      }
      if (character === escapeCharacter) {
        if (at + 1 === text.length) continue;
        character = text.charAt(++at);
      }
      word += character;
    }
    if (word === '--') return { flags, rest: at };
    flags.push({ text: word, start, end: at });
  }
}
