import { realpath, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { RunMount } from '../build/keeper/protocol.ts';
import { failure, reasonOf } from '../lib/errors.ts';

export interface Volumes {
  readonly mounts: readonly RunMount[];
  /** Real paths of those that the program may change. */
  readonly writable: readonly string[];
}

/** `-v HOST:TARGET[:ro|rw]`, as Docker has it for paths: the host's begins with `/` or `.`, and is there already. */
export async function openVolumes(texts: readonly string[]): Promise<Volumes> {
  const mounts = await Promise.all(texts.map(openVolume));
  return {
    mounts: mounts.toSorted((a, b) => (a.target < b.target ? -1 : 1)),
    writable: mounts.flatMap((mount) => (mount.readOnly ? [] : [mount.path])),
  };
}

async function openVolume(text: string): Promise<Extract<RunMount, { kind: 'host' }>> {
  const usage = (what: string, hint = '-v /host/path:/container/path:ro'): Error =>
    failure('USAGE', 'mount', text, what, { hint });
  const [host = '', written = '', mode = 'rw', ...more] = text.split(':');
  if (more.length > 0 || written === '') throw usage('it is no HOST:TARGET[:ro]');
  if (mode !== 'ro' && mode !== 'rw') throw usage(`"${mode}" is neither ro nor rw`);
  if (!/^[./]/.test(host)) {
    throw failure('UNSUPPORTED', 'mount', text, 'there are no named volumes, only paths of this machine', {
      hint: `-v ./${host}:${written}`,
    });
  }
  const target = posix.normalize(written).replace(/(?<=.)\/$/, '');
  if (!target.startsWith('/') || target === '/') throw usage('the target is no absolute path below /');
  const path = await realpath(host).catch((error: unknown) => {
    throw failure('NOT_FOUND', 'mount', host, reasonOf(error), { hint: `mkdir -p ${host}` });
  });
  const status = await stat(path);
  if (!status.isFile() && !status.isDirectory()) throw usage('it is neither a file nor a directory');
  return { kind: 'host', path, target, readOnly: mode === 'ro' };
}
