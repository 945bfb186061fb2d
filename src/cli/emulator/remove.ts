import type { Command } from 'commander';
import { type RemovedEmulator, removeEmulators } from '../../app/emulators/remove-emulators.ts';
import { printable } from '../../lib/redact.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command): Command {
  return program
    .description('Take qemu’s registrations out of the machine’s table. Needs root.')
    .argument('<what...>', 'all, an architecture as arm64, or a registration’s name or pattern as qemu-*')
    .addOption(formatOption())
    .action(async (words: string[], { format }: { format: Format }) => {
      await writeOutput([formatData(removeEmulators(words), format, renderRemoved)]);
    });
}

function renderRemoved(removed: readonly RemovedEmulator[]): string {
  return removed.map(({ name, program }) => `removed ${name} ${printable(program)}\n`).join('');
}
