import { constants, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { failure } from './errors.ts';

/**
 * A file whose path, or what lies there, is somebody else's choice. open(2) of a FIFO waits for its other end, and a program whose thread
 * waits in there cannot even exit; a device's reads may do more than read. STORE for whatever is no regular file; else fails as open(2) does.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  const { open, stat } = await import('node:fs/promises');
  refuseSpecial(path, await stat(path));
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    refuseSpecial(path, await handle.stat());
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export function refuseSpecial(path: string, status: Stats): void {
  if (!status.isFile()) throw failure('STORE', 'open', path, `it is ${kindOf(status)}, not a file`);
}

/** STORE for a FIFO or a socket with a name of its own. What the process was started with (`/dev/stdin`, `<(…)` of a shell) may be a pipe. */
export function refuseNamedPipe(path: string, status: Stats): void {
  if (!(status.isFIFO() || status.isSocket()) || isInherited(path)) return;
  throw failure('STORE', 'open', path, `it is ${kindOf(status)}, whose other end may never come`, {
    hint: 'name a file, or /dev/stdin and send it there',
  });
}

function isInherited(path: string): boolean {
  return path === '/dev/stdin' || /^\/(dev|proc\/(self|\d+))\/fd\/\d+$/.test(path);
}

function kindOf(status: Stats): string {
  if (status.isFIFO()) return 'a FIFO';
  if (status.isSocket()) return 'a socket';
  return status.isDirectory() ? 'a directory' : 'a device';
}
