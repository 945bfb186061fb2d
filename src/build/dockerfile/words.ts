import { isSpace } from './characters.ts';
import type { Flag } from './instruction.ts';

/** Runs of what separates the words of a line. */
const separator = /[\t\v\f\r ]+/;

export function splitAtSpaces(text: string): string[] {
  return text.split(separator);
}

/** The part before the first run of white space and the part behind it, which is undefined when there is no such run. */
export function cutAtSpaces(text: string): [string, string | undefined] {
  const found = separator.exec(text);
  if (found === null) return [text, undefined];
  return [text.slice(0, found.index), text.slice(found.index + found[0].length)];
}

/** Words with their quotes and escapes: white space inside quotes or behind the escape character does not split. */
export function splitQuoted(text: string, escapeCharacter: string): string[] {
  const words: string[] = [];
  let quote = '';
  let word = '';
  let started = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (!started && isSpace(character)) continue;
    started = true;
    if (quote === '' && isSpace(character)) {
      if (word !== '') words.push(word);
      word = '';
      started = false;
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
  if (word !== '') words.push(word);
  return words;
}

/** The flags in front of an instruction's arguments, and what is left. A bare `--` ends them. */
export function splitFlags(text: string, escapeCharacter: string): { flags: Flag[]; rest: string } {
  const flags: Flag[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charAt(at))) at++;
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) };
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
    if (word === '--') return { flags, rest: text.slice(at) };
    flags.push(flagOf(word));
  }
}

function flagOf(word: string): Flag {
  const equals = word.indexOf('=');
  if (equals < 0) return { name: word.slice(2) };
  return { name: word.slice(2, equals), value: word.slice(equals + 1) };
}
