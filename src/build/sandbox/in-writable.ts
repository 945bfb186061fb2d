import { chmodSync, lstatSync } from 'node:fs';

/** Changes names in a directory of this process's own, whatever its mode (Fedora's `/` is 0555), which stays. Synchronous. */
export function inWritable(directory: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    const mode = lstatSync(directory).mode & 0o7777;
    chmodSync(directory, mode | 0o300);
    try {
      change();
    } finally {
      chmodSync(directory, mode);
    }
  }
}
