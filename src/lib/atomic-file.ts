import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a rename in `directory` survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface AtomicFileOptions {
  /** Default 0o644, less the umask. */
  mode?: number;
  /** False for what may be lost in a power cut: a cache entry. A kill of the process never tears it either way. Default true. */
  sync?: boolean;
  /** Ends the writing of a stream. */
  signal?: AbortSignal;
}

/**
 * temporary → written → synced → renamed: a reader sees the old bytes or the new ones, never a part. A stream may be of any length.
 * The temporary file lies beside the target, so both are on one file system.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array | AsyncIterable<Uint8Array>,
  options: AtomicFileOptions = {},
): Promise<void> {
  const { mode = 0o644, sync = true } = options;
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, 'wx', mode);
    await handle.writeFile(data, { signal: options.signal });
    if (sync) await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(temporary, path);
  } catch (error) {
    await handle?.close();
    await rm(temporary, { force: true });
    throw error;
  }
  if (sync) await syncDirectory(dirname(path));
}
