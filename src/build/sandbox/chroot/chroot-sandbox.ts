import type { ChildProcess } from 'node:child_process';
import { abortReason, failure, reasonOf, throwIfAborted } from '../../../lib/errors.ts';
import type { ProcessUser } from '../accounts.ts';
import type { BindCalls } from '../bind-sources.ts';
import { explainRuntimeFailure } from '../explain-failure.ts';
import { type OutputPipes, outputPipes } from '../program-output.ts';
import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from '../sandbox.ts';
import { stopSignal } from '../stop-signal.ts';
import type { SetTimes } from '../stubs.ts';
import { withBundle } from '../with-bundle.ts';
import { childrenOf } from './children.ts';
import {
  type Pipe,
  ProgramProcess,
  type ProgramProcessOptions,
  type StartFailure,
} from './program-process.ts';

export interface ChrootSandboxOptions extends BindCalls, ProgramProcessOptions {
  readonly inUserNamespace: boolean;
  readonly singleId: boolean;
  /** Path of a seccomp filter; undefined where none can be made. */
  readonly filter: string | undefined;
  readonly setTimes: SetTimes;
}

/** A process that was started before there was a program for it, with pipes for what that prints. */
interface Spare {
  readonly process: ProgramProcess;
  readonly pipes: readonly [stdout: Pipe, stderr: Pipe];
}

/**
 * The `chroot` tier: namespaces, mounts and pivot_root(2) of our own, where there is no OCI runtime or it does not work. The program is the first process of
 * its PID namespace, as with a runtime: whatever it leaves behind ends with it. Its process is started before it is needed, for Node's start takes longer
 * than all the rest.
 */
export class ChrootSandbox implements Sandbox {
  readonly #options: ChrootSandboxOptions;
  #spare: Spare | undefined;

  constructor(options: ChrootSandboxOptions) {
    this.#options = options;
  }

  prepare(): void {
    if (this.#spare?.process.waits) return;
    const { pipe } = this.#options;
    const pipes = [pipe(), pipe()] as const;
    const stdio = ['ignore', pipes[0][1], pipes[1][1]] as const;
    this.#spare = { process: new ProgramProcess(this.#options, stdio), pipes };
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    throwIfAborted(options.signal);
    // A terminal is this process's own; the filter is made already.
    const bundle = { ...this.#options, bindFlags: 'kept' as const, seccomp: false };
    return await withBundle(spec, bundle, (user) => this.#execute(spec, user, options));
  }

  #process(
    output: SandboxOptions['output'],
    user: ProcessUser,
  ): { readonly process: ProgramProcess; readonly pipes: OutputPipes } {
    const spare = this.#spare;
    if (output.kind !== 'chunks' || spare === undefined || !spare.process.waits) {
      const pipes = outputPipes(output, { pipe: this.#options.pipe, owner: user });
      return { process: new ProgramProcess(this.#options, pipes.stdio), pipes };
    }
    this.#spare = undefined;
    const made = [...spare.pipes];
    const pipe = (): Pipe => made.shift() as Pipe;
    return { process: spare.process, pipes: outputPipes(output, { pipe, owner: user }) };
  }

  async #execute(
    spec: SandboxSpec,
    user: ProcessUser,
    { signal, stop, output }: SandboxOptions,
  ): Promise<number> {
    const { process, pipes } = this.#process(output, user);
    const filter = spec.security === 'insecure' ? undefined : this.#options.filter;
    process.become({ bundle: spec.scratch, filter });
    pipes.started();
    const kill = (): void => stopProgram(process.child, stop);
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    try {
      // Not before this one runs: two that start take each other's time.
      const failed = await process.failure();
      if (output.kind === 'chunks' && !signal.aborted) this.prepare();
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
