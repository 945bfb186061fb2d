import { chmodSync, chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../../lib/errors.ts';
import type { RunMount } from '../protocol.ts';

const directory = '/dev/shm';
/** statfs(2)'s type of a tmpfs. */
const tmpfsMagic = 0x01021994;

/** Begins the names of what a keeper has in memory. */
function sharedMemoryPrefix(keeper: string): string {
  return join(directory, `polyarch-${keeper}-`);
}

/** A file in memory for keepers that may not mount: in the machine's own shared memory. SANDBOX where that is a disk. */
export async function withSharedMemoryFile<T>(
  file: Extract<RunMount, { kind: 'file' }>,
  options: { readonly keeper: string },
  use: (path: string) => Promise<T>,
): Promise<T> {
  if (statfsSync(directory).type !== tmpfsMagic) {
    throw failure('SANDBOX', 'mount', file.target, `${directory} is not in memory here`, {
      hint: 'docker run --tmpfs /dev/shm',
    });
  }
  const own = mkdtempSync(sharedMemoryPrefix(options.keeper));
  try {
    chmodSync(own, 0o711);
    const path = join(own, 'file');
    writeFileSync(path, Buffer.from(file.base64, 'base64'), { flag: 'wx', mode: 0o600 });
    chownSync(path, file.uid, file.gid);
    chmodSync(path, file.mode);
    return await use(path);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
