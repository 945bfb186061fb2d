import { limits } from '../limits.ts';

/** One challenge of a WWW-Authenticate header (RFC 9110, 11.6.1). */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Lower-case names. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const token68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y;
const spaces = /[ \t]*/y;

/**
 * Reads every challenge that is well formed. A header that turns into nonsense gives those before the nonsense: this never throws.
 * Commas separate parameters and challenges alike; what follows a token tells which (`=` a parameter, else a scheme).
 */
export function parseChallenges(header: string | undefined): Challenge[] {
  if (header === undefined || header.length > limits.challengeLength) return [];
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(header)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  };
  const skip = (): void => {
    take(spaces);
    while (header[at] === ',') {
      at++;
      take(spaces);
    }
  };
  const value = (): string | undefined => {
    if (header[at] !== '"') return take(token);
    at++;
    let text = '';
    for (; at < header.length; at++) {
      if (header[at] === '"') {
        at++;
        return text;
      }
      if (header[at] === '\\') at++;
      text += header[at] ?? '';
    }
    return undefined;
  };

  for (skip(); at < header.length; skip()) {
    const name = take(token);
    if (name === undefined) break;
    take(spaces);
    if (header[at] === '=') {
      at++;
      take(spaces);
      const text = value();
      const challenge = found.at(-1);
      if (text === undefined || challenge === undefined) break;
      // The first of two equal names counts: the second may be an injection.
      const key = name.toLowerCase();
      if (!challenge.parameters.has(key)) challenge.parameters.set(key, text);
      continue;
    }
    found.push({ scheme: name.toLowerCase(), parameters: new Map() });
    // `Negotiate dG9rZW4=`: one value without a name, which no scheme of ours has.
    const here = at;
    if (take(token68) === undefined || header.slice(here, at) === '') at = here;
  }
  return found;
}
