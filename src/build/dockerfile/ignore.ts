import { cleanPath } from '../../lib/path-pattern.ts';
import { trimSpace } from './characters.ts';

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
