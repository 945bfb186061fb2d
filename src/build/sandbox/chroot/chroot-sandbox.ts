import type { ChildProcess } from 'node:child_process';
import { abortReason, failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import type { ProcessUser } from '../accounts.ts';
import type { BindCalls } from '../bind-sources.ts';
import { explainRuntimeFailure } from '../explain-failure.ts';
import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from '../sandbox.ts';
import { stopSignal } from '../stop-signal.ts';
import type { SetTimes } from '../stubs.ts';
import { withBundle } from '../with-bundle.ts';
import { childrenOf } from './children.ts';
import type { ProgramProcessOptions, StartFailure } from './program-process.ts';
import { ProgramProcesses } from './program-processes.ts';

export interface ChrootSandboxOptions extends BindCalls, ProgramProcessOptions {
  readonly inUserNamespace: boolean;
  readonly singleId: boolean;
  /** Path of a seccomp filter; undefined where none can be made. */
  readonly filter: string | undefined;
  readonly setTimes: SetTimes;
}

/** unshare(1) becomes a shell, whose child is the first of the PID namespace. Its own `--fork` ends with 1 when the program was killed (util-linux 2.38). */
const firstChild = 'exec 9>&2 2>/dev/null; ("$@" 2>&9 9>&-); exit $?';

/** Starts a process as the first one of a PID namespace. `unshare`: absolute path of unshare(1). */
export function inPidNamespace(unshare: string): readonly [string, ...string[]] {
  return [unshare, '--pid', '--', 'sh', '-c', firstChild, 'sh', 'setpriv', '--pdeathsig', 'KILL'];
}

/**
 * The `chroot` tier: namespaces, mounts and pivot_root(2) of our own, where there is no OCI runtime or it does not work. The program is the first process of
 * its PID namespace, as with a runtime: whatever it leaves behind ends with it.
 */
export class ChrootSandbox implements Sandbox {
  readonly #options: ChrootSandboxOptions;
  readonly #processes: ProgramProcesses;

  constructor(options: ChrootSandboxOptions) {
    this.#options = options;
    this.#processes = new ProgramProcesses(options);
  }

  prepare(): void {
    this.#processes.prepare();
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
    const { process, pipes } = this.#processes.take(output, user);
    const filter = spec.security === 'insecure' ? undefined : this.#options.filter;
    process.become({ bundle: spec.scratch, filter });
    pipes.started();
    const kill = (): void => stopProgram(process.child, stop);
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    try {
      // Not before this one runs: two that start take each other's time.
      const failed = await process.failure();
      if (output.kind === 'chunks' && !signal.aborted) this.#processes.prepare();
      const code = await process.ended;
      await pipes.finished();
      if (signal.aborted) throw abortReason(signal);
      if (typeof code !== 'number') throw explainRuntimeFailure(reasonOf(code), spec);
      return failed === undefined ? code : exitCodeOf(failed, spec);
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }
}

/** A shell's codes for a program that the image lacks or that may not be executed, as a runtime gives them. */
export function exitCodeOf(said: StartFailure, spec: SandboxSpec): number {
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
