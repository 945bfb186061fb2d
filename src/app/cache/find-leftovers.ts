import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenedCache } from './open-cache.ts';

/** Every file is written under another name first: what has such a name and no living writer was left behind. */
const places: readonly { readonly below: string; readonly temporary: RegExp }[] = [
  { below: join('sources', 'files'), temporary: /^\.download-|\.gone$/ },
  { below: join('sources', 'git'), temporary: /\.(?:tmp|gone)$/ },
  { below: join('sources', 'urls'), temporary: /\.tmp$/ },
  { below: 'tocs', temporary: /\.(?:tmp|gone)$/ },
  { below: join('cache', 'contexts'), temporary: /\.(?:tmp|gone)$/ },
  { below: join('cache', 'steps'), temporary: /\.tmp$/ },
  { below: join('cache', 'images'), temporary: /\.tmp$/ },
  { below: join('cache', 'builds'), temporary: /\.tmp$/ },
  { below: join('cache', 'documents'), temporary: /\.(?:tmp|gone)$/ },
  { below: join('cache', 'files'), temporary: /\.(?:tmp|gone)$/ },
  { below: join('store', 'ingest'), temporary: /./ },
];

/** Paths below the data directory. */
export async function findLeftovers({ directory, store }: OpenedCache): Promise<string[]> {
  const left: string[] = [];
  for (const { below, temporary } of places) {
    // A checkout holds whatever names its repository has.
    const recursive = below.startsWith('cache');
    const names = await readdir(join(directory, below), { recursive }).catch(() => []);
    for (const name of names.filter((path) => temporary.test(path))) {
      const id = join(below, name);
      const status = await stat(join(directory, id)).catch(() => undefined);
      // Whoever writes here holds a lease.
      if (status !== undefined && status.ctimeMs < (await store.usedSince())) left.push(id);
    }
  }
  return left;
}
