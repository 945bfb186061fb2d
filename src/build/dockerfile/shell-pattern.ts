/** `*`, `?`, or one character: what POSIX patterns have, less the brackets that Docker does not know here. */
type Token =
  | { readonly kind: 'any-run' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly character: string };

/** A pattern times a text, in characters, that matching may cost. Far above what a Dockerfile needs, far below what stalls a build. */
const maxPatternWork = 16 * 1024 * 1024;

/** Thrown for a pattern that is not valid or costs too much; the caller turns it into a failure with the source line. */
export class PatternError extends Error {}

/** The pattern of `${name#pattern}` and its relatives (BuildKit's reading: `\*`, `\?` and `\\` are literal; `\}` and `\/` lose the backslash). */
function compileShellPattern(pattern: string): readonly Token[] {
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    if (character === '*') tokens.push({ kind: 'any-run' });
    else if (character === '?') tokens.push({ kind: 'any' });
    else if (character === '\\') {
      const next = characters[++at];
      if (next === undefined || !'*?\\}/'.includes(next)) {
        throw new PatternError(
          `invalid pattern (${pattern}) in substitution: invalid escape '\\${next ?? ''}'`,
        );
      }
      tokens.push({ kind: 'literal', character: next });
    } else tokens.push({ kind: 'literal', character });
  }
  return tokens;
}

/** `${value#pattern}` (shortest) and `${value##pattern}` (longest). */
export function trimPrefix(value: string, pattern: string, longest: boolean): string {
  const text = Array.from(value);
  const end = matchAt(compileShellPattern(pattern), text, 0, longest);
  return end === undefined ? value : text.slice(end).join('');
}

/** `${value%pattern}` (shortest) and `${value%%pattern}` (longest): the same, read backwards. */
export function trimSuffix(value: string, pattern: string, longest: boolean): string {
  const text = Array.from(value).reverse();
  const end = matchAt(compileShellPattern(pattern).toReversed(), text, 0, longest);
  return end === undefined ? value : text.slice(end).reverse().join('');
}

/** `${value/pattern/replacement}` and, with `all`, `${value//pattern/replacement}`. Leftmost and longest. */
export function replacePattern(value: string, pattern: string, replacement: string, all: boolean): string {
  const tokens = compileShellPattern(pattern);
  const text = Array.from(value);
  const starts = matchingStarts(tokens, text);
  const out: string[] = [];
  let position = 0;
  let previousEnd = -1;
  while (position <= text.length) {
    const end = starts[position] ? matchAt(tokens, text, position, true) : undefined;
    // An empty match right behind the last one is none, as in Go's ReplaceAll.
    if (end !== undefined && !(end === position && position === previousEnd)) {
      out.push(all ? fillTemplate(replacement, text.slice(position, end).join('')) : replacement);
      if (!all) return [...out, ...text.slice(end)].join('');
      previousEnd = end;
      if (end > position) {
        position = end;
        continue;
      }
    }
    if (position < text.length) out.push(text[position] ?? '');
    position++;
  }
  return out.join('');
}

/** BuildKit hands the replacement of `//` to Go's regexp, where `$$` is a dollar, `$0` the match, and any other `$name` empty. */
function fillTemplate(template: string, match: string): string {
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    const name = bare ?? braced;
    if (name === undefined) return whole.slice(1);
    return name === '0' ? match : '';
  });
}

function accepts(token: Token, character: string): boolean {
  if (token.kind === 'literal') return token.character === character;
  return character !== '\n';
}

/** All states of the pattern are followed at once: never more than tokens × characters steps, whatever the pattern. */
function matchAt(
  tokens: readonly Token[],
  text: readonly string[],
  start: number,
  longest: boolean,
): number | undefined {
  checkWork(tokens, text);
  let states = closure(tokens, [0]);
  let found: number | undefined;
  for (let at = start; ; at++) {
    if (states.includes(tokens.length)) {
      found = at;
      if (!longest) return found;
    }
    const character = text[at];
    if (character === undefined || states.length === 0) return found;
    const next: number[] = [];
    for (const state of states) {
      const token = tokens[state];
      if (token === undefined || !accepts(token, character)) continue;
      next.push(token.kind === 'any-run' ? state : state + 1);
    }
    states = closure(tokens, next);
  }
}

function closure(tokens: readonly Token[], states: readonly number[]): number[] {
  const all = new Set<number>();
  for (let state of states) {
    all.add(state);
    while (tokens[state]?.kind === 'any-run') all.add(++state);
  }
  return [...all];
}

/** For each position, whether a match starts there: read from the end, one row a token. */
function matchingStarts(tokens: readonly Token[], text: readonly string[]): Uint8Array {
  checkWork(tokens, text);
  let row = new Uint8Array(text.length + 1).fill(1);
  for (const token of tokens.toReversed()) {
    const next = new Uint8Array(text.length + 1);
    for (let at = text.length; at >= 0; at--) {
      const matches = at < text.length && accepts(token, text[at] ?? '');
      if (token.kind === 'any-run') next[at] = row[at] || (matches ? (next[at + 1] ?? 0) : 0);
      else next[at] = matches ? (row[at + 1] ?? 0) : 0;
    }
    row = next;
  }
  return row;
}

function checkWork(tokens: readonly Token[], text: readonly string[]): void {
  if (tokens.length * text.length > maxPatternWork)
    throw new PatternError('the pattern and the value are too long');
}
