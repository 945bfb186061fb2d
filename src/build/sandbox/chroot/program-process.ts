import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import type { OutputPipes } from '../program-output.ts';

/** Why a program could not be started, from the process that was to become it: execve(2)'s errno, or what failed before. */
export type StartFailure = { readonly errno: string } | { readonly message: string };

/** What a process that waits is told: the program that it becomes. */
export interface ProgramOrder {
  /** Directory of config.json. */
  readonly bundle: string;
  /** Path of a seccomp filter. */
  readonly filter?: string | undefined;
}

export type Pipe = readonly [read: number, write: number];

export interface ProgramProcessOptions {
  /** What starts a process: it ends as the process does. */
  readonly command: readonly [string, ...string[]];
  /** A session of its own: what a terminal sends does not reach it. */
  readonly ownSession: boolean;
  /** Words that run the module that becomes the program. */
  readonly program: readonly string[];
  /** Read and write end of a new pipe. */
  readonly pipe: () => Pipe;
}

/** A process, the first of a PID namespace, that waits to be told which program it becomes: nearly all of a start is over by then. */
export class ProgramProcess {
  /** What `command` starts, or what that became. */
  readonly child: ChildProcess;
  /** Its code, 128 + n for signal n; or why there was none. */
  readonly ended: Promise<number | Error>;
  readonly #order: number;
  readonly #status: Promise<string>;

  constructor(options: ProgramProcessOptions, stdio: OutputPipes['stdio']) {
    const [statusRead, statusWrite] = options.pipe();
    const [orderRead, orderWrite] = options.pipe();
    const [file, ...words] = options.command;
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    this.child = spawn(file, [...words, ...options.program], {
      detached: options.ownSession,
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
