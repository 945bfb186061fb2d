import { Command, CommanderError } from 'commander';
import { abortReason, PolyarchError } from '../lib/errors.ts';
import type { CommandLeaf } from './command-table.ts';
import { ExitWith } from './exit-with.ts';
import { plainBooleans } from './go-booleans.ts';
import { errorLines } from './live-lines.ts';
import { renderError } from './render-error.ts';

/**
 * Runs one command: parses, wires the signals, renders what went wrong. `path` is what was typed: `polyarch index create`. Resolves to the
 * exit code.
 */
export async function execute(path: string, entry: CommandLeaf, argv: readonly string[]): Promise<number> {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
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
