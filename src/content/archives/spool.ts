import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { decompress } from '../../archive/decompress.ts';
import { storeFailure } from '../layout/store-failure.ts';
import type { IoOptions } from '../store.ts';

/**
 * Writes a stream, decompressed, into a file that has no name any more: it is gone when the handle is closed, however the process ends.
 * It lies where `TMPDIR` says, else in /tmp.
 */
export async function spool(source: Readable, name: string, options: IoOptions = {}): Promise<FileHandle> {
  const handle = await temporaryFile();
  try {
    for await (const chunk of decompress(source, { ...options, source: name }))
      await writeFully(handle, chunk);
    return handle;
  } catch (error) {
    await handle.close();
    throw storeFailure('read', name, error);
  } finally {
    source.destroy();
  }
}

/** An unnamed file of this user alone. */
export async function temporaryFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `polyarch-${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    const handle = await open(path, 'wx+', 0o600);
    await rm(path, { force: true });
    return handle;
  } catch (error) {
    throw storeFailure('make a temporary file in', tmpdir(), error);
  }
}

/** write(2) may write less than it was given. Without `position`: where the last write ended. */
export async function writeFully(
  handle: FileHandle,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === null ? null : position + done;
    done += (await handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
  }
}
