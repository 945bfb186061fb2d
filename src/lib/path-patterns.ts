import { compileGoMatch } from './go-match.ts';
import { PathPattern } from './path-pattern.ts';

/** What is known of a directory, for what lies in it: for each pattern, whether it matches the directory or a parent of it. */
export type ParentMatch = Uint8Array;

/**
 * Patterns as moby/patternmatcher has them (ignore files, `--exclude`): the last one that matches a path, or that changed what was said of one of its
 * parents, says whether the path is matched. Paths are relative, with slashes.
 */
export class PathPatterns {
  readonly #patterns: readonly PathPattern[];
  /** Some pattern takes back what an earlier one matches. */
  readonly hasNegated: boolean;

  /** Without white space around them. DOCKERFILE when a pattern is malformed. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.filter((pattern) => pattern !== '').map((pattern) => new PathPattern(pattern));
    this.hasNegated = this.#patterns.some((pattern) => pattern.negated);
  }

  /** No pattern at all. */
  get empty(): boolean {
    return this.#patterns.length === 0;
  }

  matches(path: string): boolean {
    let parent: ParentMatch | undefined;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      parent = this.enter(path.slice(0, slash), parent).match;
    }
    return this.enter(path, parent).matched;
  }

  /** For walking a tree: `parent` is the match of the directory that holds the path, none at the root. */
  enter(path: string, parent?: ParentMatch): { readonly matched: boolean; readonly match: ParentMatch } {
    const match = new Uint8Array(this.#patterns.length);
    let matched = false;
    for (let index = 0; index < this.#patterns.length; index++) {
      const pattern = this.#patterns[index];
      if (pattern === undefined) continue;
      // A pattern that would change nothing is not looked at, and what lies below does not know of its match: so has it moby (MatchesUsingParentResults).
      if (parent?.[index] !== 1 && (pattern.negated !== matched || !pattern.matches(path))) continue;
      match[index] = 1;
      matched = !pattern.negated;
    }
    return { matched, match };
  }

  /** What `enter` says of a path that nothing lies in. */
  matchesIn(path: string, parent: ParentMatch | undefined): boolean {
    for (let index = this.#patterns.length - 1; index >= 0; index--) {
      const pattern = this.#patterns[index];
      if (pattern !== undefined && (parent?.[index] === 1 || pattern.matches(path))) return !pattern.negated;
    }
    return false;
  }

  /** Whether a `!` pattern may take back something below a matched directory; where not, it need not be read. */
  mayTakeBack(directory: string): boolean {
    const parts = directory.split('/');
    return this.#patterns.some((pattern) => pattern.negated && mayMatchBelow(pattern, parts));
  }

  /** Whether a pattern that is not negated may match something below a directory that is not matched. */
  mayMatchBelow(directory: string): boolean {
    const parts = directory.split('/');
    return this.#patterns.some((pattern) => !pattern.negated && mayMatchBelow(pattern, parts));
  }
}

function mayMatchBelow(pattern: PathPattern, parts: readonly string[]): boolean {
  const wanted = pattern.text.split('/');
  for (const [index, part] of parts.entries()) {
    const segment = wanted[index];
    if (segment === undefined) return false;
    if (crossesSlashes(segment)) return true;
    if (compileGoMatch(segment)?.test(part) !== true) return false;
  }
  return wanted.length > parts.length;
}

/** `**`, and a class, which may match a slash, make the number of a path's parts say nothing. */
function crossesSlashes(segment: string): boolean {
  return segment.includes('**') || segment.includes('[') || segment.includes(']');
}
