import type { Command } from 'commander';
import { type MeasuredCache, measureCache } from '../../app/cache/measure-cache.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { formatBytes, table } from '../table.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Say how much everything below the data directory takes, and how much of it "polyarch cache prune" would give back.',
    )
    .addOption(formatOption())
    .action(async ({ format }: { format: Format }) => {
      const measured = await measureCache({ signal: context.signal });
      await writeOutput([formatData(measured, format, renderMeasured)]);
    });
}

function renderMeasured({ usage, total }: MeasuredCache): string {
  const rows = usage.map(({ kind, count, size, reclaimable }) => [
    kind,
    count === 0 ? '' : String(count),
    formatBytes(size),
    formatBytes(reclaimable),
  ]);
  return table(
    [
      { title: 'KIND' },
      { title: 'COUNT', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: 'RECLAIMABLE', align: 'right' },
    ],
    [...rows, ['total', '', formatBytes(total.size), formatBytes(total.reclaimable)]],
  );
}
