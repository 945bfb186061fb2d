import { readdirSync } from 'node:fs';
import { readTextOrUndefined } from '../../../lib/read-text.ts';

/**
 * The children of a process. Where /proc is an outer PID namespace's, its numbers are not those that kill(2) takes: NSpid has the ones of every namespace
 * from /proc's inwards (proc_pid_status(5)).
 */
export function childrenOf(
  pid: number,
  statuses: readonly string[] = readStatuses(),
  self: string | undefined = readTextOrUndefined('/proc/self/status'),
): number[] {
  const depth = numbers(self ?? '', 'NSpid').length - 1;
  const processes = statuses.map((status) => ({
    outer: numbers(status, 'Pid')[0],
    parent: numbers(status, 'PPid')[0],
    own: numbers(status, 'NSpid')[Math.max(0, depth)],
  }));
  const outer = processes.find(({ own }) => own === pid)?.outer;
  if (outer === undefined) return [];
  return processes.flatMap(({ parent, own }) => (parent === outer && own !== undefined ? [own] : []));
}

function numbers(status: string, field: string): number[] {
  const line = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1];
  return line === undefined ? [] : line.trim().split(/\s+/).map(Number);
}

function readStatuses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => readTextOrUndefined(`/proc/${name}/status`, 'latin1') ?? []);
}
