import { closeSync, fchownSync } from 'node:fs';
import { Socket } from 'node:net';
import type { SandboxOutput } from './sandbox.ts';

export interface OutputPipes {
  /** What the program gets as descriptors 0 to 2. */
  readonly stdio: readonly ['ignore' | 'inherit', number | 'inherit', number | 'inherit'];
  /** This process's write ends are closed: call it when the program has started. */
  started(): void;
  /** Resolves when the last process that can write is gone. */
  finished(): Promise<void>;
}

/** Pipes for a program's output. `owner`: so that a program that is not root can open /dev/stdout. */
export function outputPipes(
  output: SandboxOutput,
  options: {
    readonly pipe: () => readonly [read: number, write: number];
    readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  },
): OutputPipes {
  if (output.kind !== 'chunks') {
    const stdin = output.stdin === 'inherit' ? 'inherit' : 'ignore';
    return { stdio: [stdin, 'inherit', 'inherit'], started: () => {}, finished: () => Promise.resolve() };
  }
  const [stdout, stderr] = [options.pipe(), options.pipe()];
  const { owner } = options;
  if (owner) for (const [, write] of [stdout, stderr]) fchownSync(write, owner.uid, owner.gid);
  let reading: Promise<unknown> = Promise.resolve();
  return {
    stdio: ['ignore', stdout[1], stderr[1]],
    started() {
      for (const [, write] of [stdout, stderr]) closeSync(write);
      reading = Promise.all([
        forward(stdout[0], (chunk) => output.onChunk('stdout', chunk)),
        forward(stderr[0], (chunk) => output.onChunk('stderr', chunk)),
      ]);
      // Whoever waits sees it.
      reading.catch(() => {});
    },
    async finished() {
      await reading;
    },
  };
}

/** Reads a pipe to its end: until the last process that can write to it is gone. */
async function forward(fd: number, onChunk: (chunk: Buffer) => void | Promise<void>): Promise<void> {
  for await (const chunk of new Socket({ fd, readable: true, writable: false }))
    await onChunk(chunk as Buffer);
}
