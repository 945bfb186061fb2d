import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { readTextOrUndefined } from '../../../lib/read-text.ts';

/** In a step's directory, in which session its processes run: for whoever cleans up behind a keeper that was killed. */
export const sessionFile = 'session';

const pauseMilliseconds = 5;

/** Kills what `tracer` traces, forks meanwhile included, until `ended` says that the tracer itself has nothing left to wait for. */
export async function killTracees(tracer: number, ended: () => boolean): Promise<void> {
  while (!ended()) {
    signalTracees(tracer, 'SIGKILL');
    await setTimeout(pauseMilliseconds);
  }
}

export function signalTracees(tracer: number, signal: NodeJS.Signals | number): void {
  for (const pid of processIds()) {
    const status = readTextOrUndefined(`/proc/${pid}/status`, 'latin1');
    if (status !== undefined && Number(/^TracerPid:\s*(\d+)/m.exec(status)?.[1]) === tracer)
      kill(pid, signal);
  }
}

/**
 * Kills what works in `directory`. proot makes up working directories for its programs: the real one of all of them is where it was started.
 * Where a process belongs to somebody else, and this one may not look, its session tells: `sessions`.
 */
export function killProcessesIn(directory: string, sessions: readonly number[] = []): void {
  for (const pid of processIds()) {
    if (pid === process.pid) continue;
    const cwd = linkOrUndefined(`/proc/${pid}/cwd`)?.replace(/ \(deleted\)$/, '');
    const inside = cwd === directory || cwd?.startsWith(`${directory}/`);
    if (inside || (cwd === undefined && sessions.includes(sessionOf(pid) ?? -1))) kill(pid, 'SIGKILL');
  }
}

function sessionOf(pid: number): number | undefined {
  const stat = readTextOrUndefined(`/proc/${pid}/stat`, 'latin1');
  // The program's name stands in brackets and may hold spaces and brackets of its own.
  const field = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[3];
  return field === undefined ? undefined : Number(field);
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}

function kill(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

function linkOrUndefined(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
