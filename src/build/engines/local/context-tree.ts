import { IgnoreMatcher, parseIgnoreFile } from '../../dockerfile/ignore.ts';
import { type FilterVerdict, RootedTree } from '../../snapshot/copy/rooted-tree.ts';

/** The build context as COPY sees it: below its directory, less what the ignore file takes out. */
export function contextTree(directory: string, ignoreFile: string): RootedTree {
  const matcher = new IgnoreMatcher(parseIgnoreFile(ignoreFile));
  if (matcher.empty) return new RootedTree(directory);
  const include = (path: string, isDirectory: boolean): FilterVerdict => {
    if (path === '' || !matcher.ignores(path)) return 'include';
    return isDirectory && matcher.mayReinclude(path) ? 'exclude-but-descend' : 'exclude';
  };
  return new RootedTree(directory, { include });
}
