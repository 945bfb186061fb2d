import { commands } from '../../src/cli/commands.ts';
import { dispatch } from '../../src/cli/dispatch.ts';

/** Runs command lines that its parent sends, one at a time, and answers with what each came to: a process for many saves most of their time. */
process.on('message', async (argv: string[]) => {
  const { write } = process.stdout;
  let stdout = '';
  process.stdout.write = (chunk: Uint8Array | string, ...rest: unknown[]): boolean => {
    stdout += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined;
    done?.();
    return true;
  };
  try {
    const code = await dispatch({ path: 'polyarch', summary: '', table: commands }, argv);
    process.send?.({ code, stdout });
  } finally {
    process.stdout.write = write;
  }
});
