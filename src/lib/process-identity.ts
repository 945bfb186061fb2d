import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Who left a file behind: `<pid>.<start time>.<PID namespace>.<boot>.<random>`, safe as a file name. The start time (clock ticks since
 * boot, proc(5) `stat` field 22) tells a process from a later one of the same number. Where there is no /proc the parts are `0`.
 */
export function processToken(): string {
  return `${ownIdentity()}.${randomBytes(6).toString('hex')}`;
}

/**
 * `alive` and `dead` are certain. `unknown` is a process of another PID namespace (a container that shares the directory) or of another
 * machine: nobody here can tell.
 */
export type Liveness = 'alive' | 'dead' | 'unknown';

const tokenPattern = /^(\d+)\.(\d+)\.(\d+)\.([0-9a-f]+)\.[0-9a-f]{12}$/;

export function livenessOf(token: string): Liveness | undefined {
  const parts = tokenPattern.exec(token);
  if (!parts) return undefined;
  const [, pid = '', start = '', namespace, boot] = parts;
  if (token.startsWith(`${ownIdentity()}.`)) return 'alive';
  if (boot !== bootId()) return 'unknown';
  if (namespace !== pidNamespace()) return 'unknown';
  if (start === '0') return signalReaches(Number(pid)) ? 'alive' : 'dead';
  return startTime(pid) === start ? 'alive' : 'dead';
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

let own: string | undefined;

function ownIdentity(): string {
  own ??= `${process.pid}.${startTime('self') ?? '0'}.${pidNamespace()}.${bootId()}`;
  return own;
}

/** undefined when there is no such process (or no /proc). A zombie holds nothing any more: it counts as none. */
function startTime(pid: string): string | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  // The program's name stands in brackets and may hold spaces and brackets of its own.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19];
}

let namespace: string | undefined;

function pidNamespace(): string {
  if (namespace === undefined) {
    try {
      namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
    } catch {
      namespace = '0';
    }
  }
  return namespace;
}

let boot: string | undefined;

function bootId(): string {
  boot ??=
    readProc('/proc/sys/kernel/random/boot_id')
      ?.replace(/[^0-9a-f]/g, '')
      .slice(0, 16) || '0';
  return boot;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
