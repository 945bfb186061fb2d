import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { abortReason, failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import { findProgram } from '../../../lib/find-program.ts';
import { readTextOrUndefined } from '../../../lib/read-text.ts';
import { Accounts, type ProcessUser } from '../accounts.ts';
import { containerCapabilities } from '../capabilities.ts';
import { deviceLinks, devices } from '../container-devices.ts';
import { hostsFile, resolvConf } from '../network-files.ts';
import { mountPoints } from '../oci-spec.ts';
import { placeMounts } from '../place-mounts.ts';
import { outputPipes } from '../program-output.ts';
import { lstatOrUndefined, resolveInRoot } from '../rooted-path.ts';
import type {
  Sandbox,
  SandboxLimits,
  SandboxMount,
  SandboxOptions,
  SandboxResult,
  SandboxSpec,
} from '../sandbox.ts';
import { stopSignal } from '../stop-signal.ts';
import { ensureDirectory, type SetTimes, Stubs } from '../stubs.ts';
import { hostRoot, type ProotBind, prootArguments, riskyNames, underShell } from './proot-arguments.ts';
import { refuseWithoutPtrace } from './refuse-without-ptrace.ts';
import { killProcessesIn, killTracees, sessionFile, signalTracees } from './step-processes.ts';

export interface ProotSandboxOptions {
  /** Absolute path of qemu for programs that are not the processor's own. */
  readonly emulator: string | undefined;
  /** This process has the ids of every USER; otherwise proot makes them up. */
  readonly hasIds: boolean;
  readonly setTimes: SetTimes;
  /** Read and write end of a new pipe. */
  readonly pipe: () => readonly [read: number, write: number];
}

/**
 * The `proot` tier: neither mounts nor namespaces. Programs see the root's files in place of this machine's, since proot rewrites the paths of their
 * system calls; this is no wall against programs that mean harm. As root they have the ids that USER says; else all ids are made up.
 */
export class ProotSandbox implements Sandbox {
  readonly #options: ProotSandboxOptions;

  constructor(options: ProotSandboxOptions) {
    this.#options = options;
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    throwIfAborted(options.signal);
    refuseUnsupported(spec);
    const user = Accounts.of(spec.root).processUser(spec.user);
    if (this.#options.hasIds) refuseUnreachable(spec.root, user);
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    ensureDirectory(spec.root, spec.cwd, this.#options.hasIds ? user : own);
    const stubs = new Stubs(spec.root, this.#options.setTimes);
    try {
      // In a layer, if they are new: as every tier leaves them.
      for (const path of mountPoints)
        ensureDirectory(spec.root, path, this.#options.hasIds ? { uid: 0, gid: 0 } : own);
      if (this.#options.emulator !== undefined) stubs.ensure(hostRoot, 'directory');
      const binds = [
        ...this.#files(spec, stubs),
        ...placeMounts(spec.mounts, stubs).map((mount, number) => bindOf(mount, spec, number)),
      ];
      return { exitCode: await this.#execute(spec, user, binds, options), stubs: [] };
    } finally {
      stubs.remove();
    }
  }

  #files(spec: SandboxSpec, stubs: Stubs): ProotBind[] {
    const resolv = join(spec.scratch, 'resolv.conf');
    const hosts = join(spec.scratch, 'hosts');
    writeFileSync(resolv, resolvConf('host', readTextOrUndefined('/etc/resolv.conf')), { mode: 0o644 });
    writeFileSync(hosts, hostsFile(spec.hostname, spec.extraHosts), { mode: 0o644 });
    return [
      { source: resolv, target: stubs.ensure('/etc/resolv.conf', 'file') },
      { source: hosts, target: stubs.ensure('/etc/hosts', 'file') },
    ];
  }

  #command(spec: SandboxSpec, user: ProcessUser, binds: readonly ProotBind[]) {
    const hasShell =
      lstatOrUndefined(join(spec.root, resolveInRoot(spec.root, '/bin/sh')))?.isFile() ?? false;
    const env = spec.env.some((entry) => entry.startsWith('HOME='))
      ? spec.env
      : [...spec.env, `HOME=${user.home}`];
    const [risky] = hasShell ? [] : riskyNames(env);
    if (risky !== undefined) {
      throw failure('UNSUPPORTED', 'set', risky, 'the proot sandbox needs a /bin/sh in the image for that');
    }
    const command = hasShell ? underShell({ args: spec.args, env }) : { args: spec.args, env };
    const { emulator } = this.#options;
    const args = prootArguments({
      root: spec.root,
      devices: makeDevices(spec.scratch),
      binds,
      cwd: spec.cwd,
      emulator:
        emulator === undefined ? undefined : { program: emulator, host: makeHost(spec.scratch, emulator) },
      pretend: this.#options.hasIds ? undefined : user,
      args: command.args,
    });
    return {
      argv: [...limitsPrefix(spec.limits), ...this.#prefix(user), required('proot', 'proot'), ...args],
      env: environment(command.env),
    };
  }

  /** The ids and Docker's capabilities; the end of the keeper is proot's. */
  #prefix(user: ProcessUser): string[] {
    const head = [required('setpriv', 'util-linux'), '--pdeathsig', 'KILL'];
    if (!this.#options.hasIds) return head;
    const allowed = containerCapabilities(readFileSync('/proc/self/status', 'utf8'));
    const bounding = ['-all', ...allowed.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`)];
    const groups = user.groups.length > 0 ? ['--groups', user.groups.join(',')] : ['--clear-groups'];
    return [
      ...head,
      ...(isOurs(user) ? [] : ['--reuid', `${user.uid}`, '--regid', `${user.gid}`, ...groups]),
      ...['--bounding-set', bounding.join(','), '--inh-caps', '-all'],
    ];
  }

  async #execute(
    spec: SandboxSpec,
    user: ProcessUser,
    binds: readonly ProotBind[],
    { signal, stop, output }: SandboxOptions,
  ): Promise<number> {
    const { argv, env } = this.#command(spec, user, binds);
    const { pipe } = this.#options;
    const pipes = outputPipes(output, { pipe, owner: this.#options.hasIds ? user : undefined });
    const [statusRead, statusWrite] = pipe();
    // A session of its own: it marks the step's processes.
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      cwd: spec.scratch,
      env,
      detached: output.kind === 'chunks',
      stdio: [...pipes.stdio, statusWrite],
    });
    closeSync(statusWrite);
    pipes.started();
    writeFileSync(join(spec.scratch, sessionFile), `${child.pid ?? ''}`);
    const ending = endOf(child, spec);
    const status = firstLine(statusRead);
    const abort = (): void => {
      if (stop === undefined || child.pid === undefined) void endTracees(child);
      else {
        signalTracees(child.pid, stopSignal(stop.signal));
        const timer = setTimeout(() => void endTracees(child), stop.graceMilliseconds);
        child.once('exit', () => clearTimeout(timer));
      }
    };
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      // Resolves at the end of the program, or of everything when it told no code.
      const told = /^\d+$/.exec((await status) ?? '')?.[0];
      if (told !== undefined) await endTracees(child);
      const code = await ending;
      await pipes.finished();
      if (signal.aborted) throw abortReason(signal);
      if (told !== undefined) return Number(told);
      if (code !== 0) refuseWithoutPtrace(required('proot', 'proot'));
      return code;
    } finally {
      signal.removeEventListener('abort', abort);
      killProcessesIn(spec.scratch, child.pid === undefined ? [] : [child.pid]);
    }
  }
}

/** proot keeps the descriptor as long as anything runs: its end is not waited for. */
function firstLine(fd: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = new Socket({ fd, readable: true, writable: false });
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (!text.includes('\n')) return;
      socket.destroy();
    });
    socket.once('close', () => resolve(text.split('\n')[0]));
  });
}

async function endTracees(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid !== undefined) await killTracees(pid, () => child.exitCode !== null || child.signalCode !== null);
}

function endOf(child: ChildProcess, spec: SandboxSpec): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(failure('SANDBOX', 'start', spec.args[0] ?? '', reasonOf(error))));
    child.once('exit', (code, killed) => resolve(code ?? (killed ? 137 : 1)));
  });
}

/** What ptrace(2) cannot bring about is refused, never left out. */
function refuseUnsupported({ network, security, limits, mounts }: SandboxSpec): void {
  const refused =
    network === 'none'
      ? 'no network'
      : security === 'insecure'
        ? 'security=insecure'
        : limits.shmBytes !== undefined
          ? 'a size of /dev/shm'
          : mounts.some((mount) => mount.kind === 'tmpfs' && mount.maxBytes !== undefined)
            ? 'a size of a tmpfs'
            : undefined;
  if (refused === undefined) return;
  throw failure('UNSUPPORTED', 'give a step', refused, 'the proot sandbox cannot hold it to that', {
    hint: 'polyarch doctor says what the other sandboxes need on this machine',
  });
}

/** prlimit(1). */
function limitsPrefix({ ulimits }: SandboxLimits): string[] {
  if (ulimits.length === 0) return [];
  const value = (limit: number): string => (limit < 0 ? 'unlimited' : `${limit}`);
  return [
    required('prlimit', 'util-linux'),
    ...ulimits.map(({ name, soft, hard }) => `--${name}=${value(soft)}:${value(hard)}`),
  ];
}

/** A tmpfs is a directory on the disk that goes with the step. */
function bindOf(mount: SandboxMount, { scratch }: SandboxSpec, number: number): ProotBind {
  const { target } = mount;
  if (mount.kind === 'bind') {
    const { source } = mount;
    // A descriptor of this process is none of proot's.
    return { source: source.startsWith('/proc/self/fd/') ? readlinkSync(source) : source, target };
  }
  const source = join(scratch, `tmpfs-${number}`);
  mkdirSync(source);
  chmodSync(source, 0o1777);
  return { source, target };
}

/** Files and directories to bind on; what programs put beside them goes with the step. */
function makeDevices(scratch: string): string {
  const directory = join(scratch, 'dev');
  mkdirSync(join(directory, 'pts'), { recursive: true });
  mkdirSync(join(directory, 'shm'));
  chmodSync(join(directory, 'shm'), 0o1777);
  for (const name of devices) writeFileSync(join(directory, name), '');
  for (const [name, target] of Object.entries(deviceLinks)) symlinkSync(target, join(directory, name));
  return directory;
}

/** What an emulator is shown as this machine's root: itself, and nothing else. */
function makeHost(scratch: string, emulator: string): string {
  const directory = join(scratch, 'host');
  mkdirSync(join(directory, dirname(emulator)), { recursive: true });
  writeFileSync(join(directory, emulator), '', { mode: 0o755 });
  return directory;
}

/** A root without the capability to become another user has nothing to change. */
function isOurs({ uid, gid, groups }: ProcessUser): boolean {
  const own = process.getgroups?.() ?? [];
  return (
    uid === process.getuid?.() &&
    gid === process.getgid?.() &&
    groups.length === 0 &&
    own.every((id) => id === gid)
  );
}

function environment(entries: readonly string[]): Record<string, string> {
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    values[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return values;
}

/** The kernel looks at the real paths: each directory on the way to the root has to let the user pass. */
function refuseUnreachable(root: string, user: ProcessUser): void {
  if (user.uid === 0) return;
  for (let path = dirname(root); path !== '/'; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) !== 0) continue;
    throw failure(
      'SANDBOX',
      'run as user',
      `${user.uid}`,
      `the directory ${path} lets nobody but its owner pass`,
      {
        hint: 'in the proot sandbox steps of other users need a data directory that everybody may pass: POLYARCH_HOME=/var/lib/polyarch',
      },
    );
  }
}

function required(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw failure('SANDBOX', 'run', 'RUN', `there is no ${name} on this machine`, {
    hint: `apt-get install ${debianPackage}`,
  });
}
