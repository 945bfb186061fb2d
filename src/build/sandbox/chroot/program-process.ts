import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import type { OutputPipes } from '../program-output.ts';

/** Why a program could not be started, from the process that was to become it: execve(2)'s errno, or what failed before. */
export type StartFailure = { readonly errno: string } | { readonly message: string };

/** unshare(1) becomes a shell, whose child is the first of the PID namespace. Its own `--fork` ends with 1 when the program was killed (util-linux 2.38). */
const firstChild = 'exec 9>&2 2>/dev/null; ("$@" 2>&9 9>&-); exit $?';

/** What a process that waits is told: the program that it becomes. */
export interface ProgramOrder {
  /** Directory of config.json. */
  readonly bundle: string;
  /** Path of a seccomp filter. */
  readonly filter?: string | undefined;
}

export type Pipe = readonly [read: number, write: number];

export interface ProgramProcessOptions {
  /** Absolute path of unshare(1). */
  readonly unshare: string;
  /** Path of the module that becomes the program. */
  readonly entry: string;
  /** Read and write end of a new pipe. */
  readonly pipe: () => Pipe;
}

/** A process, the first of a PID namespace, that waits to be told which program it becomes: nearly all of a start is over by then. */
export class ProgramProcess {
  /** The shell, which ends as the program did. */
  readonly child: ChildProcess;
  /** Its code, 128 + n for signal n; or why there was none. */
  readonly ended: Promise<number | Error>;
  readonly #order: number;
  readonly #status: Promise<string>;

  constructor({ unshare, entry, pipe }: ProgramProcessOptions, stdio: OutputPipes['stdio']) {
    const [statusRead, statusWrite] = pipe();
    const [orderRead, orderWrite] = pipe();
    const argv = [
      ...['--pid', '--', 'sh', '-c', firstChild, 'sh', 'setpriv', '--pdeathsig', 'KILL'],
      ...[process.execPath, '--disable-warning=ExperimentalWarning', entry],
    ];
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    this.child = spawn(unshare, argv, {
      // The program's environment is in config.json.
      env: { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) },
      stdio: [...stdio, statusWrite, orderRead],
    });
    for (const fd of [statusWrite, orderRead]) closeSync(fd);
    this.#order = orderWrite;
    this.ended = endOf(this.child);
    this.#status = text(new Socket({ fd: statusRead, readable: true, writable: false })).catch(() => '');
  }

  get waits(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined;
  }

  become(order: ProgramOrder): void {
    try {
      writeSync(this.#order, JSON.stringify(order));
    } catch {
      // It ended: how, its own end says.
    }
    closeSync(this.#order);
  }

  /** Once the program runs, or there is none: why. */
  async failure(): Promise<StartFailure | undefined> {
    const said = await this.#status;
    return said === '' ? undefined : (JSON.parse(said) as StartFailure);
  }
}

function endOf(child: ChildProcess): Promise<number | Error> {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
