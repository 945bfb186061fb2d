import { closeSync, mkdirSync, openSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** After a build that made something, at most. */
const intervalMilliseconds = 3_600_000;

/**
 * Whether this build is to collect garbage: the file that says when somebody last did is an hour old. Then it is touched, so that no other build does
 * too. Where there is none nothing is old either. One stat(2) for all other builds.
 */
export function gcDue(dataDirectory: string, now: number): boolean {
  const path = join(dataDirectory, 'cache', 'gc');
  const last = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (last !== undefined && now - last < intervalMilliseconds) return false;
  mkdirSync(dirname(path), { recursive: true });
  closeSync(openSync(path, 'a', 0o600));
  utimesSync(path, now / 1000, now / 1000);
  return last !== undefined;
}
