import { lstatSync, readdirSync } from 'node:fs';

const slash = Buffer.from('/');

/** Bytes on disk of a file or tree: files with several names once, links as themselves, what vanishes meanwhile not at all. Any names. Synchronous. */
export function diskUsage(root: string): number {
  const seen = new Set<string>();
  const pending = [Buffer.from(root)];
  let bytes = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (stats.isDirectory()) {
      for (const name of namesIn(path)) pending.push(Buffer.concat([path, slash, name]));
    } else if (stats.nlink > 1) {
      const inode = `${stats.dev}:${stats.ino}`;
      if (seen.has(inode)) continue;
      seen.add(inode);
    }
    bytes += stats.blocks * 512;
  }
  return bytes;
}

function namesIn(directory: Buffer): Buffer[] {
  try {
    return readdirSync(directory, { encoding: 'buffer' });
  } catch (error) {
    // A size is not worth a failure.
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
