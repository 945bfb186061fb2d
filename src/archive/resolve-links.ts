import { failure } from '../lib/errors.ts';
import { type BytePath, displayPath, joinBytePath, parentOf } from './byte-path.ts';
import type { TocEntry } from './toc.ts';

/** Linux's own limit for one look-up. */
const maxSymlinks = 40;

/**
 * `path` with every link followed, the last one too, the root being `/`. What does not exist stays as it is named. `lookup` tells what is at a path
 * itself. NOT_FOUND when there are too many links.
 */
export function resolveLinks(path: BytePath, lookup: (path: BytePath) => TocEntry | undefined): BytePath {
  let links = 0;
  let done: BytePath = '';
  const todo = path.split('/').reverse();
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      done = parentOf(done);
      continue;
    }
    const next = joinBytePath(done, part);
    const entry = lookup(next);
    if (entry?.type !== 'symlink') {
      done = next;
      continue;
    }
    links++;
    if (links > maxSymlinks)
      throw failure('NOT_FOUND', 'resolve', displayPath(path), 'too many symbolic links');
    const target = entry.linkname ?? '';
    if (target.startsWith('/')) done = '';
    todo.push(...target.split('/').reverse());
  }
  return done;
}
