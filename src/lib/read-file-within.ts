import { open } from 'node:fs/promises';
import { failure } from './errors.ts';

/**
 * A file's bytes. LIMIT when there are more than `limit`, whatever its size says: a pipe and a device have none, and an end may never come.
 * Else fails as open(2) and read(2) do.
 */
export async function readFileWithin(path: string, limit: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    let bytes = Buffer.allocUnsafe(Math.min(size, limit) + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, null);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
      if (length > limit) throw failure('LIMIT', 'read', path, `larger than ${limit} bytes`);
      if (length < bytes.length) continue;
      const longer = Buffer.allocUnsafe(Math.min(2 * length, limit) + 1);
      bytes.copy(longer);
      bytes = longer;
    }
  } finally {
    await handle.close();
  }
}
