import { compileGoMatch } from '../../lib/go-match.ts';
import { trimSpace } from './characters.ts';
import { cleanPath, IgnorePattern } from './ignore-pattern.ts';

/** Where ignore rules are looked for, best first: beside the Dockerfile (a path), then in the context's root (a name). */
export function ignoreFilesFor(dockerfile: string): { readonly beside: string; readonly inContext: string } {
  return { beside: `${dockerfile}.dockerignore`, inContext: '.dockerignore' };
}

/** The patterns of a `.dockerignore`, clean and relative to the context. `#` is a comment in column 0 only. */
export function parseIgnoreFile(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\ufeff/, '').split('\n')) {
    if (line.startsWith('#')) continue;
    let pattern = trimSpace(line);
    if (pattern === '') continue;
    const negated = pattern.startsWith('!');
    if (negated) pattern = trimSpace(pattern.slice(1));
    if (pattern !== '') pattern = cleanPath(pattern);
    if (pattern.length > 1 && pattern.startsWith('/')) pattern = pattern.slice(1);
    patterns.push(`${negated ? '!' : ''}${pattern}`);
  }
  return patterns;
}

/** What is known of a directory, for what lies in it: for each pattern, whether it matches the directory or a parent of it. */
export type ParentMatch = Uint8Array;

/** Ignore rules as moby/patternmatcher has them: the last pattern that matches a path or one of its parents wins. Paths are relative, with slashes. */
export class IgnoreMatcher {
  readonly #patterns: readonly IgnorePattern[];

  /** DOCKERFILE when a pattern is malformed. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns
      .map(trimSpace)
      .filter((pattern) => pattern !== '')
      .map((pattern) => new IgnorePattern(pattern));
  }

  /** No pattern at all. */
  get empty(): boolean {
    return this.#patterns.length === 0;
  }

  ignores(path: string): boolean {
    let parent: ParentMatch | undefined;
    let ignored = false;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      parent = this.enter(path.slice(0, slash), parent).match;
    }
    ({ ignored } = this.enter(path, parent));
    return ignored;
  }

  /** For walking a tree: `parent` is the match of the directory that holds the path, none at the root. */
  enter(path: string, parent?: ParentMatch): { readonly ignored: boolean; readonly match: ParentMatch } {
    const match = new Uint8Array(this.#patterns.length);
    let ignored = false;
    for (const [index, pattern] of this.#patterns.entries()) {
      if (parent?.[index] !== 1 && !pattern.matches(path)) continue;
      match[index] = 1;
      ignored = !pattern.negated;
    }
    return { ignored, match };
  }

  /** Whether something below an ignored directory may be taken in again by a `!` pattern; where not, it need not be read. */
  mayReinclude(directory: string): boolean {
    const parts = directory.split('/');
    return this.#patterns.some((pattern) => {
      if (!pattern.negated) return false;
      const wanted = pattern.text.split('/');
      for (const [index, part] of parts.entries()) {
        const segment = wanted[index];
        if (segment === undefined) return false;
        if (crossesSlashes(segment)) return true;
        if (compileGoMatch(segment)?.test(part) !== true) return false;
      }
      return wanted.length > parts.length;
    });
  }
}

/** `**`, and a class, which may match a slash, make the number of a path's parts say nothing. */
function crossesSlashes(segment: string): boolean {
  return segment.includes('**') || segment.includes('[') || segment.includes(']');
}
