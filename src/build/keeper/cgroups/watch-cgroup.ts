import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/** Outlives both processes of a build: groups cannot be removed by who is in them, nor by who was killed. */
export interface CgroupWatch {
  /** The keeper is started with it, and holds it open as long as it lives. */
  readonly held: Socket;
  /** Resolves when the groups are gone. */
  readonly ended: Promise<void>;
}

/** Waits for the end of its input, then removes the groups and those in them, innermost first. For what was killed to be gone it waits ten seconds. */
const script = `while read -r _; do :; done
tries=0
for group; do
  until rmdir "$group"/*/ "$group" 2>/dev/null || [ ! -d "$group" ] || [ $tries -ge 100 ]; do
    tries=$((tries + 1)); sleep 0.1
  done
done`;

export function watchCgroup(made: readonly string[]): CgroupWatch {
  const argv = ['-c', script, 'polyarch-cgroups', ...[...made].reverse()];
  const child: ChildProcess = spawn('sh', argv, {
    detached: true,
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const held = child.stdin as Socket;
  held.on('error', () => {});
  return { held, ended: new Promise((resolve) => child.once('close', () => resolve())) };
}
