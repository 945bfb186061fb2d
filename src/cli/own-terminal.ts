import type { ProgramTerminal } from '../app/run.ts';
import { failure } from '../lib/errors.ts';

/** This process's terminal for a program that wants one. USAGE where there is none. */
export function ownTerminal(options: { readonly interactive: boolean }): ProgramTerminal {
  const { stdin, stdout } = process;
  if (!stdout.isTTY || (options.interactive && !stdin.isTTY)) {
    throw failure('USAGE', 'use', '--tty', 'this is no terminal', { hint: 'leave -t out' });
  }
  return {
    async during(resize, work) {
      // The program's terminal makes signals of keys; this one passes them on. It is set back when the process ends, however it does.
      if (options.interactive) stdin.setRawMode(true);
      stdout.on('resize', resize);
      try {
        return await work();
      } finally {
        stdout.off('resize', resize);
        if (options.interactive) stdin.setRawMode(false);
      }
    },
  };
}
