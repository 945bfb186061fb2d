import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import { abortReason, failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import type { ProcessUser } from '../accounts.ts';
import type { BindCalls } from '../bind-sources.ts';
import { explainRuntimeFailure } from '../explain-failure.ts';
import { outputPipes } from '../program-output.ts';
import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from '../sandbox.ts';
import { stopSignal } from '../stop-signal.ts';
import type { SetTimes } from '../stubs.ts';
import { withBundle } from '../with-bundle.ts';
import { childrenOf } from './children.ts';

export interface ChrootSandboxOptions extends BindCalls {
  /** Absolute path of unshare(1). */
  readonly unshare: string;
  /** Path of the module that becomes the program. */
  readonly entry: string;
  readonly inUserNamespace: boolean;
  readonly singleId: boolean;
  /** Path of a seccomp filter; undefined where none can be made. */
  readonly filter: string | undefined;
  readonly setTimes: SetTimes;
  /** Read and write end of a new pipe. */
  readonly pipe: () => readonly [read: number, write: number];
}

/** unshare(1) becomes a shell, whose child is the first of the PID namespace. Its own `--fork` ends with 1 when the program was killed (util-linux 2.38). */
const firstChild = 'exec 9>&2 2>/dev/null; ("$@" 2>&9 9>&-); exit $?';

/** Why a program could not be started, from the process that was to become it: execve(2)'s errno, or what failed before. */
export type StartFailure = { readonly errno: string } | { readonly message: string };

/**
 * The `chroot` tier: namespaces, mounts and pivot_root(2) of our own, where there is no OCI runtime or it does not work. The program is the first process of
 * its PID namespace, as with a runtime: whatever it leaves behind ends with it.
 */
export class ChrootSandbox implements Sandbox {
  readonly #options: ChrootSandboxOptions;

  constructor(options: ChrootSandboxOptions) {
    this.#options = options;
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    throwIfAborted(options.signal);
    // A terminal is this process's own; the filter is made already.
    const bundle = { ...this.#options, bindFlags: 'kept' as const, seccomp: false };
    return await withBundle(spec, bundle, (user) => this.#execute(spec, user, options));
  }

  async #execute(
    spec: SandboxSpec,
    user: ProcessUser,
    { signal, stop, output }: SandboxOptions,
  ): Promise<number> {
    const { unshare, entry, pipe, filter } = this.#options;
    const namespaces = ['--mount', '--pid', '--uts', '--ipc', ...(spec.network === 'none' ? ['--net'] : [])];
    const argv = [
      ...[...namespaces, '--propagation', 'private', '--', 'sh', '-c', firstChild, 'sh'],
      ...[
        'setpriv',
        '--pdeathsig',
        'KILL',
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        entry,
        spec.scratch,
      ],
      ...(filter === undefined || spec.security === 'insecure' ? [] : [filter]),
    ];
    const pipes = outputPipes(output, { pipe, owner: user });
    const [statusRead, statusWrite] = pipe();
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    const child = spawn(unshare, argv, {
      // The program's environment is in config.json.
      env: { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) },
      stdio: [...pipes.stdio, statusWrite],
    });
    closeSync(statusWrite);
    pipes.started();
    const status = text(new Socket({ fd: statusRead, readable: true, writable: false }));
    const kill = (): void => stopProgram(child, stop);
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    try {
      const code = await ended(child, spec);
      await pipes.finished();
      const said = await status;
      if (signal.aborted) throw abortReason(signal);
      return said === '' ? code : exitCodeOf(JSON.parse(said) as StartFailure, spec);
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }
}

function ended(child: ChildProcess, spec: SandboxSpec): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(explainRuntimeFailure(reasonOf(error), spec)));
    // The shell ends as the program did.
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** A shell's codes for a program that the image lacks or that may not be executed, as a runtime gives them. */
function exitCodeOf(said: StartFailure, spec: SandboxSpec): number {
  if ('message' in said) throw failure('SANDBOX', 'start', spec.args[0] ?? '', said.message);
  if (said.errno === 'ENOENT') return 127;
  if (said.errno === 'EACCES' || said.errno === 'EPERM' || said.errno === 'EISDIR') return 126;
  throw explainRuntimeFailure(said.errno === 'ENOEXEC' ? 'exec format error' : said.errno, spec);
}

/** The program alone: the shell waits until all of its namespace is gone. Before there is one, the shell itself. */
function stopProgram(child: ChildProcess, stop: SandboxOptions['stop']): void {
  const force = (): void => {
    if (!signalProgram(child, 'SIGKILL')) child.kill('SIGKILL');
  };
  if (stop === undefined || !signalProgram(child, stopSignal(stop.signal))) {
    force();
    return;
  }
  const timer = setTimeout(force, stop.graceMilliseconds);
  child.once('exit', () => clearTimeout(timer));
}

function signalProgram({ pid }: ChildProcess, signal: NodeJS.Signals | number): boolean {
  const programs = pid === undefined ? [] : childrenOf(pid);
  for (const program of programs) {
    try {
      process.kill(program, signal);
    } catch {
      // It ended by itself.
    }
  }
  return programs.length > 0;
}
