import { join } from 'node:path';
import type { ProcessUser } from '../accounts.ts';
import { devices } from '../container-devices.ts';

export interface ProotBind {
  readonly source: string;
  /** In the root, links followed. */
  readonly target: string;
}

export interface ProotCommand {
  readonly root: string;
  /** A directory with an empty file or directory for each of `devices`. */
  readonly devices: string;
  /** What else is shown in the root. */
  readonly binds: readonly ProotBind[];
  readonly cwd: string;
  /** Absolute path of the qemu that runs the root's programs, and a directory to show in place of the host's root. */
  readonly emulator: { readonly program: string; readonly host: string } | undefined;
  /** Ids to pretend, for an ordinary user. */
  readonly pretend: ProcessUser | undefined;
  readonly args: readonly string[];
}

/** Where proot shows the whole host to an emulator. A step must not find it there: `rm -r /*` would empty it. */
export const hostRoot = '/host-rootfs';

/** proot(1), of any version since 5.1. */
export function prootArguments(command: ProotCommand): string[] {
  const { root, binds, cwd, emulator, pretend, args } = command;
  const bind = (here: string, there: string): string[] => ['-b', `${here}:${there}`];
  return [
    ...['-v', '-1', '-r', root, '-w', cwd],
    ...(pretend === undefined ? [] : pretend.uid === 0 ? ['-0'] : ['-i', `${pretend.uid}:${pretend.gid}`]),
    ...['-b', '/proc', '-b', '/sys'],
    ...bind(command.devices, '/dev'),
    ...devices.flatMap((name) => bind(`/dev/${name}`, `/dev/${name}`)),
    ...bind('/dev/pts', '/dev/pts'),
    ...binds.flatMap(({ source, target }) => bind(source, target)),
    ...(emulator === undefined
      ? []
      : [
          ...['-q', emulator.program],
          ...bind(emulator.host, hostRoot),
          ...bind(emulator.program, join(hostRoot, emulator.program)),
        ]),
    ...args,
  ];
}

/**
 * Runs a program below a shell of the root, which tells its exit code on descriptor 3: proot waits for whatever the program left behind, and gives the
 * code of the last to end. The first argument counts the `NAME=value` that follow it.
 */
const shellScript = [
  'umask 022',
  'trap : 1 2 3 10 12 15',
  'n=$1; shift',
  'while [ "$n" -gt 0 ]; do export "$1"; shift; n=$((n-1)); done',
  '"$@" 3>&-',
  'echo $? >&3',
].join('\n');

/** Variables that would change proot itself, which is a program of this machine. */
const risky = /^(LD_|GLIBC_TUNABLES$|PROOT_|MALLOC_|QEMU_)/;

export interface ShellCommand {
  readonly args: readonly string[];
  readonly env: readonly string[];
}

export function underShell({ args, env }: ShellCommand): ShellCommand {
  const late = env.filter((entry) => risky.test(nameOf(entry)));
  return {
    args: ['/bin/sh', '-c', shellScript, 'sh', `${late.length}`, ...late, ...args],
    env: env.filter((entry) => !late.includes(entry)),
  };
}

/** Names of variables that a program without a shell in its root cannot get. */
export function riskyNames(env: readonly string[]): string[] {
  return env.map(nameOf).filter((name) => risky.test(name));
}

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf('='));
}
