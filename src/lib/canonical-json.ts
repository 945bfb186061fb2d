import { type Digest, digestOf } from './digest.ts';

/** JSON with object keys sorted and undefined fields left out: equal values give equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (field === null || typeof field !== 'object' || Array.isArray(field)) return field;
    return Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

export function digestOfValue(value: unknown): Digest {
  return digestOf(canonicalJson(value));
}
