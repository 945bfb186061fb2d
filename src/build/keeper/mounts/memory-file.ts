import { chmodSync, chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MountCalls, mountFlags } from '../../snapshot/mount-calls.ts';
import type { RunMount } from '../protocol.ts';

/** A file that is in memory only, for as long as `use` takes. */
export async function withMemoryFile<T>(
  file: Extract<RunMount, { kind: 'file' }>,
  options: { readonly path: string; readonly calls: MountCalls },
  use: (path: string) => Promise<T>,
): Promise<T> {
  const { path, calls } = options;
  const bytes = Buffer.from(file.base64, 'base64');
  mkdirSync(path);
  try {
    const flags = mountFlags.noSuid | mountFlags.noDev | (file.mode & 0o111 ? 0 : mountFlags.noExec);
    // The root directory's page and the file's.
    calls.mount('tmpfs', path, 'tmpfs', flags, `mode=711,nr_inodes=4,size=${bytes.length + 65536}`);
    try {
      const inside = join(path, 'file');
      writeFileSync(inside, bytes, { flag: 'wx', mode: 0o600 });
      chownSync(inside, file.uid, file.gid);
      chmodSync(inside, file.mode);
      return await use(inside);
    } finally {
      calls.unmount(path);
    }
  } finally {
    rmdirSync(path);
  }
}
