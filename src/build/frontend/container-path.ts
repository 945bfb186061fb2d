import { posix } from 'node:path';

/** A path in a container, relative ones from `workingDirectory`. A trailing slash is kept, as are `.` and `..` behind a slash as one: they say directory. */
export function destinationPath(workingDirectory: string, path: string): string {
  const isDirectory = path === '' || /(?:^|\/)\.{0,2}$/.test(path);
  const clean = absolute(workingDirectory, path);
  return isDirectory && clean !== '/' ? `${clean}/` : clean;
}

/** Absolute and clean, without trailing slash; `..` stops at the root. */
export function absolute(workingDirectory: string, path: string): string {
  const clean = posix.normalize(path.startsWith('/') ? path : `/${workingDirectory}/${path}`);
  const short = clean.replace(/^\/+/, '/').replace(/\/$/, '');
  return short === '' ? '/' : short;
}

/** A COPY source from its root: no slash in front, `.` for the root. Backslashes stay: they belong to the pattern. */
export function sourcePattern(path: string): string {
  return absolute('/', path).slice(1) || '.';
}

/** What WORKDIR puts into the config: an absolute path as written, a relative one joined and clean (BuildKit util/system/path.go). */
export function nextWorkingDirectory(current: string, path: string): string {
  if (path.startsWith('/')) return path;
  return path === '' ? current || '/' : absolute(current, path);
}
