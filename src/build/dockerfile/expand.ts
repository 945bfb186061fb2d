import { isSpace } from './characters.ts';
import { PatternError, replacePattern, trimPrefix, trimSuffix } from './shell-pattern.ts';

/** A variable's value, or undefined when it is unset. */
export type Variables = (name: string) => string | undefined;

export interface ExpandOptions {
  /** The `escape` directive's character. */
  readonly escapeCharacter: string;
  /** Keep quotes in the result. Default false. */
  readonly rawQuotes?: boolean;
  /** Quotes are characters like any other, as in the lines of a heredoc. Default false. */
  readonly plainQuotes?: boolean;
  /** Keep escape characters in the result. Default false. */
  readonly rawEscapes?: boolean;
  /** Leave `$name` as it is where the variable is unset. Default false: it becomes empty. */
  readonly skipUnset?: boolean;
  /** Told of the characters that a substitution costs; throws when they are too many for the whole file. */
  readonly spend?: (work: number) => void;
}

export interface Expansion {
  /** The whole as one word. */
  readonly text: string;
  /** Split at white space that is not quoted, after the variables were filled in. */
  readonly words: readonly string[];
  /** Variables that were asked for and set. */
  readonly used: ReadonlySet<string>;
  /** Variables that were asked for and unset. */
  readonly unset: ReadonlySet<string>;
}

/** `${a:-${b:-…}}` may be nested this deep. */
const maxExpansionDepth = 100;
/** Characters of one expanded word. The kernel takes no argument or variable over 128 KiB. */
export const maxExpandedLength = 256 * 1024;

/** Thrown where a word can't be expanded; the caller turns it into a failure with the source line. */
export class ExpansionError extends Error {
  readonly limit: boolean;
  constructor(message: string, limit = false) {
    super(message);
    this.limit = limit;
  }
}

/** Docker's word expansion (BuildKit frontend/dockerfile/shell): quotes, escapes and `$name`, `${name…}` in every form that it has. */
export function expand(word: string, variables: Variables, options: ExpandOptions): Expansion {
  if (!special.test(word) && !word.includes(options.escapeCharacter) && word.length <= maxExpandedLength) {
    return {
      text: word,
      words: anySpace.test(word) ? splitAll(word) : [word].filter(Boolean),
      used: none,
      unset: none,
    };
  }
  const lexer = new Lexer(word, variables, options);
  const quick = word.length <= 4096 && namesAlone.test(word) ? lexer.names() : undefined;
  if (quick !== undefined) {
    return {
      text: quick,
      words: quick === '' ? [] : [quick],
      used: lexer.used ?? none,
      unset: lexer.unset ?? none,
    };
  }
  try {
    const { text, words } = lexer.until(undefined, options.rawEscapes ?? false);
    return { text, words, used: lexer.used ?? none, unset: lexer.unset ?? none };
  } catch (error) {
    if (error instanceof PatternError) throw new ExpansionError(error.message);
    throw error;
  }
}

/** What may be a space: a text without it is not looked at character by character. */
const anySpace = /[\s\u0085]/;

/** A word without these, and without the escape character, stays as it is. */
const special = /[$'"<]/;
const none: ReadonlySet<string> = new Set();

/** `$name` and `${name}` among what means nothing: most words are so, and an expression reads them quicker. Each name in one way only, or it would try them all. */
const namesAlone = /^(?:[\w/.:=,@+-]|\$(?:[A-Za-z_]\w*(?!\w)|\{[A-Za-z_]\w*\}))+$/;
const nameAlone = /\$(?:(\w+)|\{(\w+)\})/g;

/** What means nothing in any word; and what means nothing where a `/` ends it. */
const plain = /[^$'"<\\`}]+/y;
const plainPart = /[^$'"<\\`}/]+/y;

/** Digits alone, or what does not begin with one. */
const variableName = /\p{Nd}+|[\p{L}_][\p{L}\p{Nd}_]*/uy;

function splitAll(text: string): readonly string[] {
  const out = new Collector();
  out.splitting(text);
  return out.finish().words;
}

/** Gathers the result as one text and as words: what is quoted or escaped never splits. */
class Collector {
  readonly #words: string[] = [];
  #text = '';
  #word = '';

  raw(text: string): void {
    this.#text += text;
    if (this.#text.length > maxExpandedLength) {
      throw new ExpansionError(`expands to more than ${maxExpandedLength} characters`, true);
    }
    this.#word += text;
  }

  splitting(text: string): void {
    if (!anySpace.test(text)) {
      this.raw(text);
      return;
    }
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      if (!isSpace(text.charAt(at))) continue;
      this.raw(text.slice(start, at));
      this.#endWord();
      this.#text += text.charAt(at);
      start = at + 1;
    }
    this.raw(text.slice(start));
  }

  #endWord(): void {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
  }

  finish(): { text: string; words: readonly string[] } {
    this.#endWord();
    return { text: this.#text, words: this.#words };
  }
}

class Lexer {
  used: Set<string> | undefined;
  unset: Set<string> | undefined;
  readonly #word: string;
  readonly #variables: Variables;
  readonly #options: ExpandOptions;
  #position = 0;
  #depth = 0;
  #rawEscapes: boolean;

  constructor(word: string, variables: Variables, options: ExpandOptions) {
    this.#word = word;
    this.#variables = variables;
    this.#options = options;
    this.#rawEscapes = options.rawEscapes ?? false;
  }

  /** Of a word of names alone; undefined where it has to be read by characters. */
  names(): string | undefined {
    if (this.#options.skipUnset) return undefined;
    const text = this.#word.replace(nameAlone, (_, bare?: string, braced?: string) => {
      return this.#value(bare ?? braced ?? '') ?? '';
    });
    return text.length > maxExpandedLength || anySpace.test(text) ? undefined : text;
  }

  #peek(): string | undefined {
    return this.#word[this.#position];
  }

  #next(): string | undefined {
    return this.#word[this.#position++];
  }

  /** Reads up to `stop`, which it consumes, or to the end when there is none. */
  until(stop: string | undefined, rawEscapes: boolean): { text: string; words: readonly string[] } {
    if (++this.#depth > maxExpansionDepth) {
      throw new ExpansionError(`substitutions are nested more than ${maxExpansionDepth} deep`, true);
    }
    const outer = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    const out = new Collector();
    const quotes = !this.#options.plainQuotes;
    for (let character = this.#peek(); character !== undefined; character = this.#peek()) {
      if (character === stop) {
        this.#next();
        this.#rawEscapes = outer;
        this.#depth--;
        return out.finish();
      }
      if (quotes && character === "'") out.raw(this.#singleQuoted());
      else if (quotes && character === '"') out.raw(this.#doubleQuoted());
      else if (character === '$') out.splitting(this.#dollar());
      else if (character === '<') out.raw(this.#angle());
      else {
        if (character !== this.#options.escapeCharacter) {
          out.splitting(this.#plain(stop));
          continue;
        }
        this.#next();
        if (this.#rawEscapes) out.raw(character);
        const escaped = this.#next();
        if (escaped === undefined) break;
        out.raw(escaped);
      }
    }
    if (stop !== undefined) {
      throw new ExpansionError(`unexpected end of statement while looking for matching ${stop}`);
    }
    this.#rawEscapes = outer;
    this.#depth--;
    return out.finish();
  }

  /** At least one character, and those behind it that mean nothing by themselves. */
  #plain(stop: string | undefined): string {
    const start = this.#position;
    const rest = stop === '/' ? plainPart : plain;
    rest.lastIndex = start + 1;
    rest.test(this.#word);
    // A test that fails sets it to nothing.
    this.#position = Math.max(rest.lastIndex, start + 1);
    return this.#word.slice(start, this.#position);
  }

  #singleQuoted(): string {
    const start = this.#position;
    this.#next();
    for (let character = this.#next(); character !== "'"; character = this.#next()) {
      if (character === undefined) {
        throw new ExpansionError('unexpected end of statement while looking for matching single-quote');
      }
    }
    const inner = this.#options.rawQuotes ? 0 : 1;
    return this.#word.slice(start + inner, this.#position - inner);
  }

  #doubleQuoted(): string {
    const out = new Collector();
    const quote = this.#next() ?? '';
    if (this.#options.rawQuotes) out.raw(quote);
    for (;;) {
      const start = this.#position;
      let character = this.#next();
      while (
        character !== undefined &&
        character !== quote &&
        character !== '$' &&
        character !== this.#options.escapeCharacter
      ) {
        character = this.#next();
      }
      if (character === undefined) {
        throw new ExpansionError('unexpected end of statement while looking for matching double-quote');
      }
      out.raw(this.#word.slice(start, this.#position - 1));
      if (character === '$') {
        this.#position--;
        out.raw(this.#dollar());
        continue;
      }
      if (character === quote) {
        if (this.#options.rawQuotes) out.raw(quote);
        return out.finish().text;
      }
      if (this.#rawEscapes) out.raw(character);
      const escaped = this.#peek();
      if (escaped === undefined) continue;
      if (escaped === '"' || escaped === '$' || escaped === this.#options.escapeCharacter)
        character = this.#next() ?? '';
      out.raw(character);
    }
  }

  /** `<<` and the white space behind it stay together, so that a heredoc's marker is one word. */
  #angle(): string {
    this.#next();
    if (this.#peek() !== '<') return '<';
    this.#next();
    let out = '<<';
    while (/^[\t\r ]$/.test(this.#peek() ?? '')) out += this.#next();
    return out;
  }

  #name(): string {
    const first = this.#peek();
    if (first === undefined) return '';
    if ('@*#?-$!'.includes(first)) return this.#next() ?? '';
    variableName.lastIndex = this.#position;
    const [name = ''] = variableName.exec(this.#word) ?? [];
    this.#position += name.length;
    return name;
  }

  #value(name: string): string | undefined {
    const value = this.#variables(name);
    if (value === undefined) {
      this.unset ??= new Set();
      this.unset.add(name);
    } else {
      this.used ??= new Set();
      this.used.add(name);
    }
    this.#options.spend?.(value?.length ?? 0);
    return value;
  }

  #dollar(): string {
    this.#next();
    if (this.#peek() !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      return this.#value(name) ?? (this.#options.skipUnset ? `$${name}` : '');
    }
    this.#next();
    const first = this.#peek();
    if (first === undefined) throw new ExpansionError("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') {
      throw new ExpansionError('syntax error: bad substitution');
    }
    return this.#braced(this.#name());
  }

  #braced(name: string): string {
    let operator = this.#next();
    if (operator === '}') return this.#value(name) ?? (this.#options.skipUnset ? `\${${name}}` : '');
    if (operator === '/') return this.#replace(name);
    const emptyIsUnset = operator === ':';
    if (emptyIsUnset) operator = this.#next();
    const shown = `${emptyIsUnset ? ':' : ''}${operator ?? ''}`;
    const trims = operator === '#' || operator === '%';
    if (operator === undefined || !'+-?#%'.includes(operator) || (emptyIsUnset && trims)) {
      if (operator === undefined) throw new ExpansionError("syntax error: missing '}'");
      throw new ExpansionError(`unsupported modifier (${shown}) in substitution`);
    }
    const word = this.#operand('}', trims, "syntax error: missing '}'");
    const value = this.#value(name);
    if (value === undefined && this.#options.skipUnset) return `\${${name}${shown}${word}}`;
    const missing = value === undefined || (emptyIsUnset && value === '');
    switch (operator) {
      case '-':
        return missing ? word : value;
      case '+':
        return missing ? '' : word;
      case '?':
        if (!missing) return value;
        throw new ExpansionError(
          `${name}: ${word || `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`}`,
        );
      default: {
        const longest = word.startsWith(operator);
        const pattern = longest ? word.slice(1) : word;
        this.#options.spend?.(pattern.length * (value?.length ?? 0));
        return operator === '#'
          ? trimPrefix(value ?? '', pattern, longest)
          : trimSuffix(value ?? '', pattern, longest);
      }
    }
  }

  #replace(name: string): string {
    const all = this.#peek() === '/';
    if (all) this.#next();
    const pattern = this.#operand('/', true, "syntax error: missing '/' in substitution");
    const replacement = this.#operand('}', true, "syntax error: missing '}'");
    const value = this.#value(name);
    if (value === undefined && this.#options.skipUnset) return `\${${name}/${pattern}/${replacement}}`;
    this.#options.spend?.(pattern.length * (value?.length ?? 0));
    return replacePattern(value ?? '', pattern, replacement, all);
  }

  #operand(stop: string, rawEscapes: boolean, atEnd: string): string {
    try {
      return this.until(stop, rawEscapes).text;
    } catch (error) {
      if (error instanceof ExpansionError && !error.limit && this.#peek() === undefined) {
        throw new ExpansionError(atEnd);
      }
      throw error;
    }
  }
}
