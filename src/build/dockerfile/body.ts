import { isSpace } from './characters.ts';
import type { Body, CommandForm, Keyword, Pair } from './instruction.ts';
import type { Slice } from './joined-line.ts';
import { jsonStrings } from './json-strings.ts';
import { cutAtSpaces, splitAtSpaces, splitQuoted, type Word } from './words.ts';

/** Thrown where the arguments have no valid form; the parser turns it into a failure with the source line. */
export class BodyError extends Error {}

/** Reads what follows the keyword and its flags, trimmed, in the form that the keyword has. ONBUILD is the parser's own. */
export function parseBody(keyword: Exclude<Keyword, 'ONBUILD'>, slice: Slice, escapeCharacter: string): Body {
  const { text } = slice;
  switch (keyword) {
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
    case 'SHELL':
      return commandForm(slice);
    case 'COPY':
    case 'ADD':
    case 'VOLUME':
      return wordsForm(slice, execForm(slice) ?? splitAtSpaces(text));
    case 'FROM':
    case 'EXPOSE':
      return wordsForm(slice, splitAtSpaces(text));
    case 'ARG':
      return wordsForm(slice, splitQuoted(text, escapeCharacter));
    case 'ENV':
    case 'LABEL':
      return { form: 'pairs', pairs: pairs(keyword, slice, escapeCharacter) };
    case 'MAINTAINER':
    case 'STOPSIGNAL':
    case 'USER':
    case 'WORKDIR':
      return { form: 'text', text, range: slice.range() };
    case 'HEALTHCHECK':
      return healthForm(slice);
  }
}

function wordsForm(slice: Slice, words: readonly Word[]): Body {
  return { form: 'words', words: words.map(({ text }) => text), ranges: rangesOf(slice, words) };
}

function rangesOf(slice: Slice, words: readonly Word[]) {
  return words.map(({ start, end }) => slice.range(start, end));
}

function commandForm(slice: Slice): CommandForm {
  const list = execForm(slice);
  if (list === undefined) return { form: 'shell', text: slice.text, range: slice.range() };
  return { form: 'exec', arguments: list.map(({ text }) => text), ranges: rangesOf(slice, list) };
}

/** A JSON array of strings; undefined when the text is no JSON array at all, which makes it the shell form. */
function execForm({ text }: Slice): Word[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  if (!list.every((item) => typeof item === 'string')) {
    throw new BodyError('when using JSON array syntax, arrays must be comprised of strings only');
  }
  return jsonStrings(text).map((word) => ({ ...word, text: word.text.toWellFormed() }));
}

function pairs(keyword: string, slice: Slice, escapeCharacter: string): Pair[] {
  const { text } = slice;
  const words = splitQuoted(text, escapeCharacter);
  const [first] = words;
  if (first === undefined) return [];
  if (!first.text.includes('=')) {
    const [key, value] = cutAtSpaces(text);
    if (value === undefined) throw new BodyError(`${keyword} must have two arguments`);
    return [{ key, value: text.slice(value), delimited: false, range: slice.range() }];
  }
  return words.map(({ text: word, start, end }) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw new BodyError(`can't find = in "${word}"; the form is name=value`);
    return {
      key: word.slice(0, equals),
      value: word.slice(equals + 1),
      delimited: true,
      range: slice.range(start, end),
    };
  });
}

function healthForm(slice: Slice): Body {
  const { text } = slice;
  let end = 0;
  while (end < text.length && !isSpace(text.charAt(end))) end++;
  return { form: 'health', type: text.slice(0, end), command: commandForm(slice.slice(end).trim()) };
}
