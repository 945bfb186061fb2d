import type { Command } from 'commander';
import { type RemovedName, removeImages } from '../../app/images/remove-images.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Take names out of the local store. What no name reaches any more takes its space until "polyarch images prune".',
    )
    .argument(
      '<reference...>',
      'an image of the local store; NAME@DIGEST for all its names of that repository',
    )
    .addOption(formatOption())
    .action(async (references: string[], options: { format: Format }) => {
      const removed = await removeImages(references, { signal: context.signal });
      await writeOutput([formatData(removed, options.format, renderRemoved)]);
    });
}

function renderRemoved(removed: readonly RemovedName[]): string {
  return removed.map(({ reference, digest }) => `removed ${reference}@${digest}\n`).join('');
}
