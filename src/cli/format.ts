import { Option } from 'commander';
import { failure } from '../lib/errors.ts';
import { printable } from '../lib/redact.ts';

/** How a command prints data: `template` is text with `{field.path}` in it. */
export type Format =
  | { readonly kind: 'table' }
  | { readonly kind: 'json' }
  | { readonly kind: 'template'; readonly template: string };

export const tableFormat: Format = { kind: 'table' };

/** `--format`, for every command that prints data; the option's value is a `Format`, by default the table. */
export function formatOption(): Option {
  return new Option('--format <format>', 'table, json, or text with {field.path} from the JSON')
    .default(tableFormat, 'table')
    .argParser(parseFormat);
}

/** USAGE when `text` is neither a word that is known nor has a field in it. */
export function parseFormat(text: string): Format {
  if (text === 'table' || text === 'json') return { kind: text };
  const fields = [...text.matchAll(placeholder)];
  if (fields.length > 0 && !fields.some(([, path = '']) => /[{]|^\.|\s/.test(path)))
    return { kind: 'template', template: text };
  throw failure('USAGE', 'use --format', text, 'neither table, json nor text with a {field.path}', {
    hint: text.includes('{{') ? 'fields stand in single braces: --format "{digest}"' : '--format "{digest}"',
  });
}

/** What is to be written to stdout. `toTerminal`: control characters of a field, which could rewrite what is shown, become spaces. */
export function formatData<T>(
  data: T,
  format: Format,
  table: (data: T) => string,
  options: { toTerminal?: boolean } = {},
): string {
  switch (format.kind) {
    case 'table':
      return table(data);
    case 'json':
      return `${jsonText(data, 2)}\n`;
    case 'template': {
      const root: unknown = JSON.parse(JSON.stringify(data));
      const lines = expand(format.template, root);
      const shown = options.toTerminal ?? process.stdout.isTTY;
      return lines.map((line) => `${shown ? printable(line) : line}\n`).join('');
    }
  }
}

/** A long list piece by piece, as it is made; `row` is an item's line of the table. JSON is a list, a template lines for each item. */
export function* formatItems<T>(
  items: Iterable<T>,
  format: Format,
  row: (item: T) => string,
  options: { toTerminal?: boolean } = {},
): Generator<string> {
  if (format.kind !== 'json') {
    for (const item of items) {
      yield format.kind === 'table' ? `${row(item)}\n` : formatData(item, format, () => '', options);
    }
    return;
  }
  let before = '[\n';
  for (const item of items) {
    yield `${before}  ${jsonText(item)}`;
    before = ',\n';
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

/** JSON escapes C0 alone: C1 controls and what turns the direction of writing are escaped here, which a parser reads back as they were. */
export function jsonText(value: unknown, indent?: number | string): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const placeholder = /\{([^{}]+)\}/g;

/**
 * One line, or where a path meets a list without naming a position, one line for each of its items; all fields behind the same list
 * move together. A list or object at the end of a path is JSON, except that a list at its end is lines too.
 */
function expand(template: string, root: unknown): string[] {
  if (Array.isArray(root)) return root.flatMap((item) => expand(template, item));
  const paths = [...new Set([...template.matchAll(placeholder)].map(([, path = '']) => path))];
  return lines(
    template,
    new Map(paths.map((path) => [path, { value: root, rest: path.split('.'), at: '' }])),
  );
}

/** How far a field's path has been followed: `at` is the path walked so far, the same for fields behind the same list. */
interface Walk {
  readonly value: unknown;
  readonly rest: readonly string[];
  readonly at: string;
}

function lines(template: string, walks: ReadonlyMap<string, Walk>): string[] {
  const walked = new Map([...walks].map(([path, walk]) => [path, follow(walk, path)]));
  const lists = [...walked.values()].filter(({ value }) => Array.isArray(value));
  const [list] = lists;
  if (list === undefined) {
    return [template.replace(placeholder, (_all, path: string) => textOf(walked.get(path)?.value))];
  }
  return (list.value as unknown[]).flatMap((item, position) =>
    lines(
      template,
      new Map(
        [...walked].map(([path, walk]) => [
          path,
          walk.at === list.at ? { value: item, rest: walk.rest, at: `${walk.at}.${position}` } : walk,
        ]),
      ),
    ),
  );
}

/** As far as a value that is no object, or a list whose position is not named. */
function follow(start: Walk, path: string): Walk {
  let { value, rest, at } = start;
  while (rest.length > 0) {
    if (Array.isArray(value) && !/^\d+$/.test(rest[0] ?? '')) break;
    const length = keyLength(value, rest);
    if (length === 0) throw missing(value, rest, path);
    const key = rest.slice(0, length).join('.');
    value = (value as Readonly<Record<string, unknown>>)[key];
    rest = rest.slice(length);
    at = `${at}.${key}`;
  }
  return { value, rest, at };
}

/** Names may have dots in them (labels, annotations): the longest that is there counts. */
function keyLength(value: unknown, rest: readonly string[]): number {
  if (typeof value !== 'object' || value === null) return 0;
  for (let length = rest.length; length > 0; length--)
    if (Object.hasOwn(value, rest.slice(0, length).join('.'))) return length;
  return 0;
}

function missing(value: unknown, rest: readonly string[], path: string): Error {
  const isObject = typeof value === 'object' && value !== null;
  const names = Array.isArray(value) ? [] : isObject ? Object.keys(value) : [];
  const hint =
    names.length > 0 ? `there are ${names.slice(0, 30).join(', ')}` : '--format json shows what there is';
  return failure('NOT_FOUND', 'show', `{${path}}`, `no field "${rest[0]}" there`, { hint: printable(hint) });
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
