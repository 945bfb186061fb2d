import { parentOf } from '../../../archive/byte-path.ts';
import { type ParentMatch, PathPatterns } from '../../../lib/path-patterns.ts';
import { parseIgnoreFile } from '../../dockerfile/ignore.ts';
import type { FilterVerdict } from '../../snapshot/copy/source-tree.ts';

/** What an ignore file says of each path; undefined where it takes nothing out. */
export function ignoreFilter(
  ignoreFile: string,
): ((path: string, isDirectory: boolean) => FilterVerdict) | undefined {
  const patterns = new PathPatterns(parseIgnoreFile(ignoreFile));
  if (patterns.empty) return undefined;
  /** Of the directories that were walked through: a file costs one look at each pattern, however deep it lies. */
  const directories = new Map<string, ParentMatch>();
  const matchOf = (directory: string): ParentMatch | undefined => {
    if (directory === '') return undefined;
    let match = directories.get(directory);
    if (match === undefined) {
      match = patterns.enter(directory, matchOf(parentOf(directory))).match;
      directories.set(directory, match);
    }
    return match;
  };
  // A walk asks for all that is in a directory in turn.
  let [last, lastMatch] = ['', matchOf('')];
  const matchOfParent = (path: string): ParentMatch | undefined => {
    const slash = path.lastIndexOf('/');
    if (slash === last.length && path.startsWith(last)) return lastMatch;
    last = parentOf(path);
    lastMatch = matchOf(last);
    return lastMatch;
  };
  return (path, isDirectory) => {
    if (path === '' || !patterns.matchesIn(path, matchOfParent(path))) return 'include';
    return isDirectory && patterns.mayTakeBack(path) ? 'exclude-but-descend' : 'exclude';
  };
}
