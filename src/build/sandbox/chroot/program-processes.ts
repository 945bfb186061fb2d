import type { ProcessUser } from '../accounts.ts';
import { type OutputPipes, outputPipes } from '../program-output.ts';
import type { SandboxOptions } from '../sandbox.ts';
import { type Pipe, ProgramProcess, type ProgramProcessOptions } from './program-process.ts';

/** A process that was started before there was a program for it, with pipes for what that prints. */
interface Spare {
  readonly process: ProgramProcess;
  readonly pipes: readonly [stdout: Pipe, stderr: Pipe];
}

/** The processes that become programs. One for output in chunks is started before it is needed, for Node's start takes longer than all the rest. */
export class ProgramProcesses {
  readonly #options: ProgramProcessOptions;
  #spare: Spare | undefined;

  constructor(options: ProgramProcessOptions) {
    this.#options = options;
  }

  prepare(): void {
    if (this.#spare?.process.waits) return;
    const { pipe } = this.#options;
    const pipes = [pipe(), pipe()] as const;
    const stdio = ['ignore', pipes[0][1], pipes[1][1]] as const;
    this.#spare = { process: new ProgramProcess(this.#options, stdio), pipes };
  }

  take(
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
}
