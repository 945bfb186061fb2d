import { displayPath } from '../../../archive/byte-path.ts';
import { failure } from '../../../lib/errors.ts';

const maxLinks = 255;

/** Follows every link of `path`, the last one too, with the root as `/`; what does not exist stays as named. `linkAt`: a link's target. */
export function resolvePath(path: string, linkAt: (path: string) => string | undefined): string {
  let rest = path.split('/');
  const done: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const name = rest.shift() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const link = linkAt([...done, name].join('/'));
    if (link === undefined) {
      done.push(name);
      continue;
    }
    if (++links > maxLinks)
      throw failure('CONTENT_INVALID', 'copy', displayPath(path), 'too many symbolic links');
    if (link.startsWith('/')) done.length = 0;
    rest = [...link.split('/'), ...rest];
  }
  return done.join('/');
}
