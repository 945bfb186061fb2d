import type { Command } from 'commander';
import { removePrivately } from '../../app/emulators/private-emulators.ts';
import { type RemovedEmulator, removeEmulators } from '../../app/emulators/remove-emulators.ts';
import { printable } from '../../lib/redact.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command): Command {
  return program
    .description('Take qemu’s registrations out of the machine’s table. Needs root, but for --private.')
    .argument('<what...>', 'all, an architecture as arm64, or a registration’s name or pattern as qemu-*')
    .option('--private', 'instead remove what install --private fetched for this user’s builds')
    .addOption(formatOption())
    .action(async (words: string[], flags: { readonly private?: true; readonly format: Format }) => {
      const removed = flags.private ? removePrivately(words) : removeEmulators(words);
      await writeOutput([formatData(removed, flags.format, renderRemoved)]);
    });
}

function renderRemoved(removed: readonly RemovedEmulator[]): string {
  return removed.map(({ name, program }) => `removed ${name} ${printable(program)}\n`).join('');
}
