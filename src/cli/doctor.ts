import type { Command } from 'commander';
import { examineMachine } from '../app/doctor/doctor.ts';
import { ExitWith } from './exit-with.ts';
import { type Format, formatData, formatOption } from './format.ts';
import { renderDoctor } from './render-doctor.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Try every sandbox on this machine, say how each architecture would run, and what mends those that do not work. Exits with 1 when no sandbox works.',
    )
    .addOption(formatOption())
    .action(async ({ format }: { format: Format }) => {
      const report = await examineMachine({ signal: context.signal });
      process.stdout.write(formatData(report, format, renderDoctor));
      if (report.chosen === undefined) throw new ExitWith(1);
    });
}
