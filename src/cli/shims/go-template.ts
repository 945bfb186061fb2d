import { failure } from '../../lib/errors.ts';

type Action =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'field';
      readonly json: boolean;
      readonly path: readonly string[];
      readonly key?: string;
    };

const action = /\{\{-?\s*(.*?)\s*-?\}\}/gs;
const field = /^(json\s+)?\.((?:[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)?)$/;
const indexed = /^(json\s+)?\(?index\s+\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)\s+"([^"]*)"\)?$/;

/** The part of Go's text/template that people write on command lines: fields, `json`, `index .Field "key"`. UNSUPPORTED for all else. */
export function parseGoTemplate(template: string): readonly Action[] {
  const actions: Action[] = [];
  let end = 0;
  for (const match of template.matchAll(action)) {
    actions.push({ kind: 'text', text: template.slice(end, match.index) });
    actions.push(parseAction(match[1] ?? '', template));
    end = match.index + match[0].length;
  }
  const rest = template.slice(end);
  if (rest.includes('{{')) throw failure('USAGE', 'use --format', template, '"{{" is not closed');
  return [...actions, { kind: 'text', text: rest }];
}

function parseAction(text: string, template: string): Action {
  const plain = field.exec(text);
  if (plain)
    return { kind: 'field', json: plain[1] !== undefined, path: plain[2] ? plain[2].split('.') : [] };
  const one = indexed.exec(text);
  if (one)
    return { kind: 'field', json: one[1] !== undefined, path: (one[2] ?? '').split('.'), key: one[3] ?? '' };
  throw failure(
    'UNSUPPORTED',
    'use --format',
    template,
    `"${text}" is not understood: fields, json and index are`,
    {
      hint: '--format "{{json .Manifest}}"',
    },
  );
}

/** The names of the first fields: what has to be read. */
export function templateFields(actions: readonly Action[]): string[] {
  return actions.flatMap((one) => (one.kind === 'field' ? [one.path[0] ?? ''] : []));
}

/** USAGE for a field that is not there. Names are compared as Go's JSON does: without case, dots and underscores. */
export function executeGoTemplate(actions: readonly Action[], data: unknown, template: string): string {
  return actions
    .map((one) => {
      if (one.kind === 'text') return one.text;
      const steps = one.key === undefined ? one.path : [...one.path, one.key];
      let value = data;
      steps.forEach((step, at) => {
        value = lookUp(value, step, at === one.path.length, template);
      });
      return one.json ? JSON.stringify(value, null, 2) : plainText(value, template);
    })
    .join('');
}

function lookUp(value: unknown, name: string, exact: boolean, template: string): unknown {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    const found = entries.find(([key]) => (exact ? key === name : folded(key) === folded(name)));
    if (found !== undefined) return found[1];
    if (exact) return null;
    const there = entries.map(([key]) => key).join(', ');
    throw failure('USAGE', 'use --format', template, `there is no field "${name}"`, {
      hint: `there is ${there}`,
    });
  }
  throw failure('USAGE', 'use --format', template, `there is no field "${name}"`);
}

const folded = (name: string): string => name.toLowerCase().replace(/[._]/g, '');

function plainText(value: unknown, template: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (value === undefined || value === null) return '<no value>';
  throw failure('UNSUPPORTED', 'use --format', template, 'a list or object is shown as JSON only', {
    hint: 'write json before the field: {{json .Manifest}}',
  });
}
