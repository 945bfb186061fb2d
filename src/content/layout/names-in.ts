import { readdir } from 'node:fs/promises';
import { storeFailure } from './store-failure.ts';

/** The names in a directory; none where there is no directory. STORE when it cannot be read: what is there must not look as if it were not. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (/^E(?:NOENT|NOTDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw storeFailure('list', directory, error);
  }
}
