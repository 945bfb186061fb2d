import { type Command, InvalidArgumentError } from 'commander';
import type { CacheItem } from '../../app/cache/cache-item.ts';
import { freedBy } from '../../app/cache/choose-items.ts';
import { type PrunedCache, pruneCache } from '../../app/cache/prune-cache.ts';
import { parseByteSize } from '../../lib/byte-size.ts';
import { parseDuration } from '../../lib/duration.ts';
import { printable } from '../../lib/redact.ts';
import { counted } from '../counted.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { formatBytes } from '../table.ts';
import { writeOutput } from '../write-output.ts';

interface Options {
  readonly maxUsedSpace?: number;
  readonly keepDuration?: number;
  readonly all?: true;
  readonly dryRun?: true;
  readonly format: Format;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Remove what builds left on this machine: layers of steps, extracted layers, cache mounts, fetched sources, and contents of the local store that no name reaches. Images stay. It may run beside builds: what they use stays, and is said.',
    )
    .option('--max-used-space <size>', 'remove the least recently used until so much is left: 10g', bytes)
    .option('--keep-duration <duration>', 'keep what was used within: 48h, 14d', seconds)
    .option('-a, --all', 'also forget the steps whose layers images have: they run again')
    .option('--dry-run', 'only say what would go')
    .addOption(formatOption())
    .action(async (options: Options) => {
      const pruned = await pruneCache({ ...options, signal: context.signal });
      await writeOutput([formatData(pruned, options.format, (data) => renderPruned(data, options))]);
    });
}

function bytes(text: string): number {
  const value = parseByteSize(text);
  if (value === undefined) throw new InvalidArgumentError('not a size: 500m, 10g');
  return value;
}

function seconds(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError('not a duration: 90m, 48h, 14d');
  return value;
}

function renderPruned({ removed, inUse, left }: PrunedCache, { dryRun }: Options): string {
  const kinds = [...new Set(removed.map(({ kind }) => kind))].sort();
  const lines = kinds.map((kind) => {
    const those = removed.filter((item) => item.kind === kind);
    return `${dryRun ? 'would remove' : 'removed'} ${summary(those, kind)}`;
  });
  for (const { kind, id, size } of inUse)
    lines.push(`kept ${kind} ${printable(id)}, ${formatBytes(size)}: a running command uses it`);
  return `${[...lines, `${formatBytes(left)} left`].join('\n')}\n`;
}

function summary(items: readonly CacheItem[], kind: string): string {
  return `${counted(items.length, kind)}, ${formatBytes(freedBy(items))}`;
}
