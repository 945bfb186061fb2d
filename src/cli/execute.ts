import { Command, CommanderError } from 'commander';
import { abortReason, errorCodes, PolyarchError } from '../lib/errors.ts';
import type { CommandLeaf } from './command-table.ts';
import { ExitWith } from './exit-with.ts';
import { plainBooleans } from './go-booleans.ts';
import { errorLines } from './live-lines.ts';
import { renderError } from './render-error.ts';

/** As BuildKit's clients: of those who wait for an end no longer. The second may be a shell's or npm's of the same Ctrl-C. */
const forcedInterrupt = 3;

/**
 * Runs one command: parses, wires the signals, renders what went wrong. `path` is what was typed: `polyarch index create`. Resolves to the
 * exit code.
 */
export async function execute(path: string, entry: CommandLeaf, argv: readonly string[]): Promise<number> {
  const controller = new AbortController();
  let interrupts = 0;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (++interrupts === forcedInterrupt) {
      process.stderr.write(`error: Interrupted ${interrupts} times: what was begun is left as it is\n`);
      process.exit(errorCodes.INTERRUPTED.exit);
    }
    controller.abort(new PolyarchError('INTERRUPTED', `Interrupted by ${signal}`));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  // Whoever reads may have seen enough: `polyarch … | head`. Anything else is told at the end (main.ts).
  process.stdout.on('error', () => {});
  const debug = argv.includes('--debug');
  try {
    const { command } = await entry.load();
    const program = command(new Command(path), { signal: controller.signal })
      .summary(entry.summary)
      .option('--debug', 'show stack traces')
      .exitOverride()
      .configureOutput({ outputError: () => {} });
    await program.parseAsync(plainBooleans(program, argv), { from: 'user' });
    return 0;
  } catch (error) {
    errorLines.end();
    if (error instanceof ExitWith) return error.exitCode;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      const message = error.message.replace(/^error: /, '');
      process.stderr.write(`error: Cannot run "${path}": ${message}\nhint: ${path} --help\n`);
      return 2;
    }
    const shown = controller.signal.aborted ? abortReason(controller.signal) : error;
    process.stderr.write(renderError(shown, { debug }));
    return shown instanceof PolyarchError ? shown.exitCode : 1;
  } finally {
    errorLines.end();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
