/** A compiled pattern. `test` takes time that follows pattern × name, whatever they are. */
export interface GoMatch {
  test(name: string): boolean;
}

type Token =
  | { readonly kind: 'literal'; readonly character: string }
  | { readonly kind: 'any' }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

/** What stands between two stars; `star` says that one is in front. */
interface Chunk {
  readonly star: boolean;
  readonly tokens: readonly Token[];
}

/** Whether a name has a wildcard of Go's filepath.Match; a backslash takes the next character's meaning away. */
export function hasWildcard(name: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/su.test(name);
}

/**
 * Go's filepath.Match, or undefined when the pattern is malformed. `*` and `?` never match a slash; a negated class does, as in Go.
 * No regular expression: one with many stars backtracks without end on a hostile pattern.
 */
export function compileGoMatch(pattern: string): GoMatch | undefined {
  const chunks = parseChunks(Array.from(pattern));
  if (chunks === undefined) return undefined;
  return { test: (name) => matches(chunks, Array.from(name)) };
}

function parseChunks(pattern: readonly string[]): Chunk[] | undefined {
  const chunks: Chunk[] = [];
  let star = false;
  let tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at] ?? '';
    if (character === '*') {
      if (tokens.length > 0) chunks.push({ star, tokens });
      tokens = [];
      star = true;
      at++;
    } else if (character === '?') {
      tokens.push({ kind: 'any' });
      at++;
    } else if (character === '[') {
      const parsed = parseClass(pattern, at + 1);
      if (parsed === undefined) return undefined;
      tokens.push(parsed.token);
      at = parsed.end;
    } else {
      if (character === '\\') at++;
      const literal = pattern[at++];
      if (literal === undefined) return undefined;
      tokens.push({ kind: 'literal', character: literal });
    }
  }
  if (star || tokens.length > 0) chunks.push({ star, tokens });
  return chunks;
}

function parseClass(pattern: readonly string[], at: number): { token: Token; end: number } | undefined {
  const negated = pattern[at] === '^';
  if (negated) at++;
  const ranges: [string, string][] = [];
  const bound = (): string | undefined => {
    if (pattern[at] === '-' || pattern[at] === ']') return undefined;
    if (pattern[at] === '\\') at++;
    return pattern[at++];
  };
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = bound();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (pattern[at] === '-') {
      at++;
      high = bound();
      if (high === undefined) return undefined;
    }
    ranges.push([low, high]);
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 };
}

/** Chunk by chunk, each at its first place that fits: no earlier star is ever tried again (Go path/filepath/match.go). */
function matches(chunks: readonly Chunk[], name: readonly string[]): boolean {
  let at = 0;
  for (const [index, { star, tokens }] of chunks.entries()) {
    const last = index === chunks.length - 1;
    if (last && star && tokens.length === 0) return !name.includes('/', at);
    const fits = (start: number) =>
      chunkFits(tokens, name, start) && (!last || start + tokens.length === name.length);
    let start = at;
    if (star) while (!fits(start) && start < name.length && name[start] !== '/') start++;
    if (!fits(start)) return false;
    at = start + tokens.length;
  }
  return at === name.length;
}

function chunkFits(tokens: readonly Token[], name: readonly string[], start: number): boolean {
  if (start + tokens.length > name.length) return false;
  return tokens.every((token, offset) => accepts(token, name[start + offset] ?? ''));
}

function accepts(token: Token, character: string): boolean {
  if (token.kind === 'literal') return token.character === character;
  if (token.kind === 'any') return character !== '/';
  const code = character.codePointAt(0) ?? 0;
  const within = token.ranges.some(
    ([low, high]) => (low.codePointAt(0) ?? 0) <= code && code <= (high.codePointAt(0) ?? 0),
  );
  return within !== token.negated;
}
