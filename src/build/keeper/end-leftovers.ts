import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import { endRootProcesses, rootFile } from '../sandbox/chroot/root-processes.ts';
import { killProcessesIn, sessionFile } from '../sandbox/proot/step-processes.ts';

/**
 * Ends the programs of a keeper without namespaces that was killed. `directory`: the keeper's own, which is gone when it ended by itself. Right behind
 * its end the sessions of its programs are still theirs; later their numbers may be somebody else's.
 */
export function endLeftovers(directory: string, options: { readonly justEnded: boolean }): void {
  const mounts = join(directory, 'mounts');
  if (!existsSync(mounts)) return;
  const sessions = options.justEnded
    ? readdirSync(mounts).flatMap((name) => session(join(mounts, name)))
    : [];
  killProcessesIn(directory, sessions);
  const snapshots = `${join(directory, '../../snapshots')}/`;
  for (const name of readdirSync(mounts)) {
    const root = readTextOrUndefined(join(mounts, name, rootFile));
    if (root?.startsWith(snapshots)) endRootProcesses(root);
  }
}

function session(step: string): number[] {
  const path = join(step, sessionFile);
  return existsSync(path) ? [Number(readFileSync(path, 'utf8'))].filter((pid) => pid > 1) : [];
}
