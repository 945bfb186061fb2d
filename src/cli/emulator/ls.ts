import type { Command } from 'commander';
import { type EmulatorRow, listEmulators } from '../../app/emulators/list-emulators.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { table } from '../table.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command): Command {
  return program
    .description(
      'List the emulators in this machine’s table (binfmt_misc), and those that could be registered. Builds need none there: they register what is installed in a table of their own.',
    )
    .addOption(formatOption())
    .action(async ({ format }: { format: Format }) => {
      await writeOutput([formatData(listEmulators(), format, renderEmulators)]);
    });
}

function renderEmulators(rows: readonly EmulatorRow[]): string {
  return table(
    ['ARCHITECTURE', 'STATE', 'NAME', 'PROGRAM', 'VERSION', 'FLAGS', 'FROM'].map((title) => ({ title })),
    rows.map(({ architecture, state, name, program, version, flags, from }) =>
      [architecture, state, name, program, version, flags, from].map((cell) => cell || '-'),
    ),
  );
}
