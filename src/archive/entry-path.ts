import { failure } from '../lib/errors.ts';
import { type BytePath, displayPath } from './byte-path.ts';

/** Longest path that an entry may have: Linux's PATH_MAX. */
export const maxPathBytes = 4096;

/** An archive's path in normal form: from the layer's root whatever it starts with, `.` dropped, `..` an error (it is in no honest layer). */
export function normalEntryPath(raw: BytePath): BytePath {
  if (raw.length > maxPathBytes)
    throw failure('LIMIT', 'read', 'tar archive', `a path is longer than ${maxPathBytes} bytes`);
  if (raw.includes('\0')) throw failure('ARCHIVE', 'read', displayPath(raw), 'a path holds a NUL byte');
  const parts = raw.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..'))
    throw failure('ARCHIVE', 'read', displayPath(raw), 'a path of the archive leaves its root');
  return parts.join('/');
}
