import type { Stats } from 'node:fs';
import { lstat, mkdir, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withFileLock } from '../../lib/file-lock.ts';

/**
 * Whether something that was fetched is there: then it counts as used now. Whoever removes what nobody uses excludes this meanwhile (`removingSources`), so that
 * what was claimed under a lease of the local store stays. Its own time stays as it is.
 */
export async function claimSource(path: string): Promise<Stats | undefined> {
  return await removingSources(dirname(path), async () => {
    const stats = await lstat(path).catch(() => undefined);
    if (stats !== undefined) await utimes(path, new Date(), stats.mtime);
    return stats;
  });
}

/** Runs `work` while nobody claims anything in `directory`. */
export async function removingSources<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true });
  return await withFileLock(join(directory, 'lock'), work);
}
