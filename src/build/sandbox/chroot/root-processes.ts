import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { readTextOrUndefined } from '../../../lib/read-text.ts';

/** In a step's directory, which root its processes have: for whoever cleans up behind a keeper that was killed. */
export const rootFile = 'root';

const pauseMilliseconds = 2;
/** One that the kernel does not let go (a disk that does not answer) is left. */
const maxTurns = 1000;

/** Kills every process whose root is `root`, those that they start meanwhile included. */
export function endRootProcesses(root: string): void {
  for (let turn = 0; turn < maxTurns && signalRootProcesses(root, 'SIGKILL') > 0; turn++)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMilliseconds);
}

/** How many there were. One that has ended and waits for its parent is none. */
export function signalRootProcesses(root: string, signal: NodeJS.Signals | number): number {
  const found = processesIn(root);
  for (const pid of found) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
  }
  return found.length;
}

function processesIn(root: string): number[] {
  const own: number[] = [];
  /** Owners of processes whose root this one may not see: it lacks CAP_SYS_PTRACE. */
  const others = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    try {
      if (readlinkSync(`/proc/${pid}/root`) === root) own.push(Number(pid));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') continue;
      const status = readTextOrUndefined(`/proc/${pid}/status`, 'latin1') ?? '';
      const [uid, gid] = ['Uid', 'Gid'].map(
        (field) => new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(status)?.[1],
      );
      if (uid !== undefined && gid !== undefined && !/^State:\s*Z/m.test(status)) others.add(`${uid}:${gid}`);
    }
  }
  return [...own, ...[...others].flatMap((owner) => seenBy(owner, root))];
}

const look = 'for p in /proc/[0-9]*; do [ "$(readlink "$p/root")" = "$0" ] && echo "$p"; done 2>/dev/null';

/** Everybody sees their own. */
function seenBy(owner: string, root: string): number[] {
  const [uid = '', gid = ''] = owner.split(':');
  const argv = ['--reuid', uid, '--regid', gid, '--clear-groups', 'sh', '-c', look, root];
  const { stdout } = spawnSync('setpriv', argv, { encoding: 'utf8' });
  return (stdout ?? '')
    .split('\n')
    .filter(Boolean)
    .map((path) => Number(basename(path)));
}
