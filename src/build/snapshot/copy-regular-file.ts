import { closeSync, constants, copyFileSync, openSync, readSync, type Stats } from 'node:fs';
import { SparseFile } from './sparse-file.ts';
import type { FsPath } from './syscalls.ts';

const chunkBytes = 1024 * 1024;
/** What `stats.blocks` counts, whatever the file system's own blocks are (stat(2)). */
const statBlockBytes = 512;

/**
 * The bytes of a regular file under a new name; its metadata is the caller's to set. A reflink where the file system has them. Holes stay holes, which copy_file_range(2)
 * fills: an image's ten gigabytes of zeros would fill the disk with each copy. `stats`: those of `source`. Fails as the system calls do.
 */
export function copyRegularFile(source: FsPath, target: FsPath, stats: Pick<Stats, 'blocks' | 'size'>): void {
  if (stats.blocks * statBlockBytes >= stats.size) {
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    return;
  }
  const from = openSync(source, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const to = new SparseFile(
      openSync(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600),
    );
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (let count = readSync(from, chunk); count > 0; count = readSync(from, chunk))
        to.write(chunk.subarray(0, count));
      to.finish();
    } finally {
      closeSync(to.fd);
    }
  } finally {
    closeSync(from);
  }
}
