import { type Digest, digestOf } from './digest.ts';

/** JSON with object keys sorted and undefined fields left out: equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** Copies down to what holds no object; a copy of its own for each call is what a replacer would make, at several times the cost. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  if ('toJSON' in value) return value;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const field = sorted((value as Record<string, unknown>)[key]);
    if (key === '__proto__') Object.defineProperty(out, key, { value: field, enumerable: true });
    else out[key] = field;
  }
  return out;
}

export function digestOfValue(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}
