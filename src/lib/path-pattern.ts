import { failure } from './errors.ts';
import { compileGoMatch } from './go-match.ts';

type Token =
  | { readonly kind: 'one'; readonly test: (character: string) => boolean; readonly literal?: string }
  /** `*`: any run without a slash. */
  | { readonly kind: 'run' }
  /** `**` at the end: anything. */
  | { readonly kind: 'rest' }
  /** `**` elsewhere: nothing, or anything that ends in a slash. */
  | { readonly kind: 'directories' };

/** Characters of one pattern. Paths are no longer than 4096 bytes on Linux. */
const maxPatternLength = 4096;

/** One pattern of an ignore file or of `--exclude` (moby/patternmatcher). */
export class PathPattern {
  /** `!`: takes back what an earlier pattern matches. */
  readonly negated: boolean;
  /** Clean, without `!`. */
  readonly text: string;
  readonly #test: (path: string) => boolean;

  /** DOCKERFILE when the pattern is malformed. */
  constructor(line: string) {
    this.negated = line.startsWith('!');
    this.text = cleanPath(this.negated ? line.slice(1) : line);
    if (line === '!' || line.length > maxPatternLength || compileGoMatch(this.text) === undefined) {
      throw failure('DOCKERFILE', 'read pattern', line.slice(0, 200), 'it is malformed');
    }
    this.#test = compile(this.text);
  }

  matches(path: string): boolean {
    return this.#test(path);
  }
}

/** Go's filepath.Clean; a lone `.` for an empty path. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  return `${rooted ? '/' : ''}${parts.join('/')}` || '.';
}

function compile(pattern: string): (path: string) => boolean {
  const plain = (text: string) => !/[*?[\]\\]/.test(text);
  if (plain(pattern)) return (path) => path === pattern;
  if (pattern.startsWith('**') && plain(pattern.slice(2))) {
    const suffix = pattern.slice(2);
    // `**foo` also means barfoo; `**/foo` means foo as well as x/foo.
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  if (pattern.endsWith('**') && plain(pattern.slice(0, -2))) {
    const prefix = pattern.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  const tokens = tokensOf(Array.from(pattern));
  const prefix = literalsOf(tokens);
  const suffix = literalsOf(tokens.toReversed()).toReversed();
  const [before, behind] = [prefix.join(''), suffix.join('')];
  // Most paths fail here, at a small part of the cost.
  return (path) => path.startsWith(before) && path.endsWith(behind) && follow(tokens, path);
}

/** The characters that the first tokens stand for, as far as they are literal. */
function literalsOf(tokens: readonly Token[]): string[] {
  const literals: string[] = [];
  for (const token of tokens) {
    if (token.kind !== 'one' || token.literal === undefined) break;
    literals.push(token.literal);
  }
  return literals;
}

function tokensOf(pattern: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    if (character === '*' && pattern[at + 1] === '*') {
      at++;
      if (pattern[at + 1] === '/') at++;
      tokens.push({ kind: at + 1 === pattern.length ? 'rest' : 'directories' });
    } else if (character === '*') tokens.push({ kind: 'run' });
    else if (character === '?') tokens.push({ kind: 'one', test: (other) => other !== '/' });
    else if (character === '[') {
      let end = at + 1;
      while (pattern[end] !== ']') end += pattern[end] === '\\' ? 2 : 1;
      const set = compileGoMatch(pattern.slice(at, end + 1).join(''));
      tokens.push({ kind: 'one', test: (other) => set?.test(other) ?? false });
      at = end;
    } else {
      const literal = character === '\\' ? (pattern[++at] ?? '') : character;
      tokens.push({ kind: 'one', test: (other) => other === literal, literal });
    }
  }
  return tokens;
}

/** All states at once: never more than tokens × characters steps. */
function follow(tokens: readonly Token[], path: string): boolean {
  let states = new Uint8Array(tokens.length + 1);
  let next = new Uint8Array(tokens.length + 1);
  enter(tokens, states, 0);
  for (const character of path) {
    next.fill(0);
    let alive = false;
    for (let state = 0; state < tokens.length; state++) {
      const token = tokens[state];
      if (token === undefined || states[state] === 0) continue;
      if (token.kind === 'one') {
        if (!token.test(character)) continue;
        enter(tokens, next, state + 1);
      } else if (token.kind === 'directories') {
        // In the middle of a name this state may only go on to the slash: that is state itself, without what follows.
        next[state] = 1;
        if (character === '/') enter(tokens, next, state + 1);
      } else if (token.kind === 'rest' || character !== '/') enter(tokens, next, state);
      else continue;
      alive = true;
    }
    if (!alive) return false;
    [states, next] = [next, states];
  }
  return states[tokens.length] === 1;
}

function enter(tokens: readonly Token[], states: Uint8Array, state: number): void {
  states[state] = 1;
  while (state < tokens.length && tokens[state]?.kind !== 'one') states[++state] = 1;
}
