import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { abortReason, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { readTextOrUndefined } from '../../lib/read-text.ts';
import type { ProcessUser } from './accounts.ts';
import type { BindCalls } from './bind-sources.ts';
import { exitCodeOfFailedStart, explainRuntimeFailure } from './explain-failure.ts';
import type { RuntimeProgram } from './probe-runtime.ts';
import { outputPipes } from './program-output.ts';
import type { Sandbox, SandboxOptions, SandboxResult, SandboxSpec } from './sandbox.ts';
import { stopSignal } from './stop-signal.ts';
import type { SetTimes } from './stubs.ts';
import { withBundle } from './with-bundle.ts';

export interface OciRuntimeOptions extends BindCalls {
  readonly program: RuntimeProgram;
  /** Whether it takes a seccomp profile. */
  readonly seccomp: Promise<boolean>;
  /** The runtime's own state: `--root`. Made when missing, the caller removes it. */
  readonly state: string;
  readonly inUserNamespace: boolean;
  readonly singleId: boolean;
  readonly setTimes: SetTimes;
  /** Read and write end of a new pipe. */
  readonly pipe: () => readonly [read: number, write: number];
}

/** The `oci` tier: runc or crun, one `run` a program, without cgroups. */
export class OciRuntime implements Sandbox {
  readonly #options: OciRuntimeOptions;

  constructor(options: OciRuntimeOptions) {
    this.#options = options;
    mkdirSync(options.state, { recursive: true, mode: 0o700 });
  }

  async run(spec: SandboxSpec, options: SandboxOptions): Promise<SandboxResult> {
    throwIfAborted(options.signal);
    const { inUserNamespace, singleId, setTimes, bind, unmount } = this.#options;
    const seccomp = await this.#options.seccomp;
    const { rows = 0, columns = 0 } = process.stdout;
    const terminal = options.output.kind === 'terminal' ? { rows, columns } : undefined;
    // crun takes away what it is not told; runc, when it is told, what the kernel has locked.
    const bindFlags = this.#options.program.name === 'crun' ? ('told' as const) : ('kept' as const);
    const bundle = { bindFlags, inUserNamespace, singleId, setTimes, bind, unmount, seccomp, terminal };
    return await withBundle(spec, bundle, (user) => this.#execute(spec, user, options));
  }

  async #execute(
    spec: SandboxSpec,
    user: ProcessUser,
    { signal, stop, output }: SandboxOptions,
  ): Promise<number> {
    const log = join(spec.scratch, 'runtime.log');
    const pidFile = join(spec.scratch, 'pid');
    const { program, state } = this.#options;
    const argv = [
      ...program.options,
      '--root',
      state,
      '--log',
      log,
      '--log-format',
      'json',
      'run',
      '--no-new-keyring',
      '--bundle',
      spec.scratch,
      '--pid-file',
      pidFile,
      spec.id,
    ];
    const pipes = outputPipes(output, { pipe: this.#options.pipe, owner: user });
    const child = spawn(program.path, argv, {
      // The program's environment is in config.json; the runtime's own needs nothing of the host's.
      env: { PATH: process.env.PATH },
      stdio: [...pipes.stdio],
    });
    pipes.started();
    // Then it takes the size over from this process's terminal.
    const stopResizing =
      output.kind === 'terminal' ? output.onResize(() => child.kill('SIGWINCH')) : undefined;
    const kill = (): void => stopContainer(child, pidFile, stop);
    signal.addEventListener('abort', kill, { once: true });
    if (signal.aborted) kill();
    try {
      const code = await ended(child, spec);
      await pipes.finished();
      if (signal.aborted) throw abortReason(signal);
      const message = readRuntimeError(log);
      if (message === undefined) return code;
      const exitCode = exitCodeOfFailedStart(message);
      if (exitCode === undefined) throw explainRuntimeFailure(message, spec);
      return exitCode;
    } finally {
      stopResizing?.();
      signal.removeEventListener('abort', kill);
      if (signal.aborted) killRecorded(pidFile);
      rmSync(join(state, spec.id), { recursive: true, force: true });
    }
  }
}

function ended(child: ChildProcess, spec: SandboxSpec): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(explainRuntimeFailure(reasonOf(error), spec)));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** The container's first process ends its PID namespace; before the runtime has written its id, the runtime itself is ended. */
function stopContainer(child: ChildProcess, pidFile: string, stop: SandboxOptions['stop']): void {
  const force = (): void => {
    if (!killRecorded(pidFile)) child.kill('SIGKILL');
  };
  if (stop === undefined || !killRecorded(pidFile, stop.signal)) {
    force();
    return;
  }
  const timer = setTimeout(force, stop.graceMilliseconds);
  child.once('exit', () => clearTimeout(timer));
}

/** False when no process is recorded or it is gone. */
function killRecorded(pidFile: string, signal = 'SIGKILL'): boolean {
  const pid = Number(readTextOrUndefined(pidFile));
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    return process.kill(pid, stopSignal(signal));
  } catch {
    return false;
  }
}

/** The last error that the runtime logged: there is one when it could not start the program. */
function readRuntimeError(log: string): string | undefined {
  const lines = (readTextOrUndefined(log) ?? '').split('\n').filter(Boolean);
  for (const line of lines.reverse()) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown };
      if (entry.level === 'error' && typeof entry.msg === 'string') return entry.msg;
    } catch {
      return line;
    }
  }
  return undefined;
}
