import type { Command } from 'commander';
import { pruneImages } from '../../app/images/prune-images.ts';
import type { Pruned, PrunedBlob } from '../../content/layout/prune-blobs.ts';
import { counted } from '../counted.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { formatBytes } from '../table.ts';
import { writeOutput } from '../write-output.ts';

interface Options {
  readonly keepCache?: true;
  readonly dryRun?: true;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Remove from the local store what no name reaches. What running commands work with stays: it may run beside builds.',
    )
    .option('--keep-cache', 'keep the layers that the build cache remembers')
    .option('--dry-run', 'only say what would go')
    .addOption(formatOption())
    .action(async (options: Options) => {
      const pruned = await pruneImages({ ...options, signal: context.signal });
      await writeOutput([formatData(pruned, options.format, (data) => renderPruned(data, options))]);
    });
}

function renderPruned({ removed, inUse }: Pruned, { dryRun }: Options): string {
  const lines = [`${dryRun ? 'would remove' : 'removed'} ${summary(removed)}`];
  if (inUse.length > 0) lines.push(`kept ${summary(inUse)} that running commands may use`);
  return `${lines.join('\n')}\n`;
}

function summary(blobs: readonly PrunedBlob[]): string {
  return `${counted(blobs.length, 'content')}, ${formatBytes(blobs.reduce((sum, blob) => sum + blob.size, 0))}`;
}
