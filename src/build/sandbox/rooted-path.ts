import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join, relative } from 'node:path';
import { failure } from '../../lib/errors.ts';

/** As the kernel: more links than this on one way are a loop. */
const maxLinks = 40;

export function lstatOrUndefined(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw failure('SANDBOX', 'look at', path, code ?? 'failed', { cause: error });
  }
}

/**
 * Where `path` leads inside `root`, every symbolic link followed as if `root` were `/`; without a leading slash, empty for the root itself.
 * What does not exist stays as named. Good only while nobody changes the tree.
 */
export function resolveInRoot(root: string, path: string): string {
  const rest = path.split('/').reverse();
  const done: string[] = [];
  let links = 0;
  while (rest.length > 0) {
    const name = rest.pop() ?? '';
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const next = join(root, ...done, name);
    if (!lstatOrUndefined(next)?.isSymbolicLink()) {
      done.push(name);
      continue;
    }
    if (++links > maxLinks) throw failure('SANDBOX', 'follow', path, 'too many symbolic links');
    const target = readlinkSync(next);
    if (target.startsWith('/')) done.length = 0;
    rest.push(...target.split('/').reverse());
  }
  return done.join('/');
}

/** Whether `path`, which begins with `root`, is a directory there that no link leads to: a program may have put one in the way, which leads anywhere from here. */
export function isDirectoryInside(root: string, path: string): boolean {
  const inside = relative(root, path);
  return resolveInRoot(root, inside) === inside && (lstatOrUndefined(path)?.isDirectory() ?? false);
}

/** A small regular file inside `root`; undefined when there is none. LIMIT when it is larger than `maxBytes`. */
export function readInRoot(root: string, path: string, maxBytes: number): string | undefined {
  const real = join(root, resolveInRoot(root, path));
  if (!lstatOrUndefined(real)?.isFile()) return undefined;
  const fd = openSync(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = fstatSync(fd);
    if (size > maxBytes) throw failure('LIMIT', 'read', path, `${size} bytes, ${maxBytes} at most`);
    const bytes = Buffer.alloc(size);
    let used = 0;
    for (let count = -1; count !== 0 && used < size; used += count)
      count = readSync(fd, bytes, used, size - used, null);
    return bytes.toString('utf8', 0, used);
  } finally {
    closeSync(fd);
  }
}
