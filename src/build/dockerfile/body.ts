import { isSpace, trimStart } from './characters.ts';
import type { Body, CommandForm, Keyword, Pair } from './instruction.ts';
import { cutAtSpaces, splitAtSpaces, splitQuoted } from './words.ts';

/** Thrown where the arguments have no valid form; the parser turns it into a failure with the source line. */
export class BodyError extends Error {}

/** Reads what follows the keyword and its flags, trimmed, in the form that the keyword has. ONBUILD is the parser's own. */
export function parseBody(keyword: Exclude<Keyword, 'ONBUILD'>, text: string, escapeCharacter: string): Body {
  switch (keyword) {
    case 'RUN':
    case 'CMD':
    case 'ENTRYPOINT':
    case 'SHELL':
      return commandForm(text);
    case 'COPY':
    case 'ADD':
    case 'VOLUME':
      return { form: 'words', words: execForm(text) ?? spaceSeparated(text) };
    case 'FROM':
    case 'EXPOSE':
      return { form: 'words', words: spaceSeparated(text) };
    case 'ARG':
      return { form: 'words', words: splitQuoted(text, escapeCharacter) };
    case 'ENV':
    case 'LABEL':
      return { form: 'pairs', pairs: pairs(keyword, text, escapeCharacter) };
    case 'MAINTAINER':
    case 'STOPSIGNAL':
    case 'USER':
    case 'WORKDIR':
      return { form: 'text', text };
    case 'HEALTHCHECK':
      return healthForm(text);
  }
}

function spaceSeparated(text: string): string[] {
  return text === '' ? [] : splitAtSpaces(text);
}

function commandForm(text: string): CommandForm {
  const list = execForm(text);
  return list === undefined ? { form: 'shell', text } : { form: 'exec', arguments: list };
}

/** A JSON array of strings; undefined when the text is no JSON array at all, which makes it the shell form. */
function execForm(text: string): string[] | undefined {
  const trimmed = trimStart(text);
  if (!trimmed.startsWith('[')) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  return list.map((item: unknown) => {
    if (typeof item === 'string') return item.toWellFormed();
    throw new BodyError('when using JSON array syntax, arrays must be comprised of strings only');
  });
}

function pairs(keyword: string, text: string, escapeCharacter: string): Pair[] {
  const words = splitQuoted(text, escapeCharacter);
  const [first] = words;
  if (first === undefined) return [];
  if (!first.includes('=')) {
    const [key, value] = cutAtSpaces(text);
    if (value === undefined) throw new BodyError(`${keyword} must have two arguments`);
    return [{ key, value, delimited: false }];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw new BodyError(`can't find = in "${word}"; the form is name=value`);
    return { key: word.slice(0, equals), value: word.slice(equals + 1), delimited: true };
  });
}

function healthForm(text: string): Body {
  let end = 0;
  while (end < text.length && !isSpace(text.charAt(end))) end++;
  return { form: 'health', type: text.slice(0, end), command: commandForm(trimStart(text.slice(end))) };
}
