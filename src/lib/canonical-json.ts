import { type Digest, digestOf } from './digest.ts';

/** JSON with object keys sorted and undefined fields left out: equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null || typeof value !== 'object' || 'toJSON' in value) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item) ?? 'null').join(',')}]`;
  let fields = '';
  for (const key of Object.keys(value).sort()) {
    const field = canonicalJson((value as Record<string, unknown>)[key]);
    if (field !== undefined) fields += `${fields === '' ? '' : ','}${quoted(key)}:${field}`;
  }
  return `{${fields}}`;
}

/** Text that JSON has between quotes as it is: asking takes a part of what JSON.stringify takes. */
const simple = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return simple.test(text) ? `"${text}"` : JSON.stringify(text);
}

export function digestOfValue(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}
