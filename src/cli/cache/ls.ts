import type { Command } from 'commander';
import type { CacheItem } from '../../app/cache/cache-item.ts';
import { listCache } from '../../app/cache/list-cache.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { formatBytes, table } from '../table.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'List what builds left on this machine, most recently used first. A size with a star is shared with an image: it takes no space of its own.',
    )
    .addOption(formatOption())
    .action(async ({ format }: { format: Format }) => {
      const items = await listCache({ signal: context.signal });
      await writeOutput([formatData(items, format, renderItems)]);
    });
}

function renderItems(items: readonly CacheItem[]): string {
  return table(
    [
      { title: 'KIND' },
      { title: 'USED' },
      { title: 'SIZE', align: 'right' },
      { title: 'ID' },
      { title: 'NAME' },
    ],
    items.map(({ kind, used, size, shared, id, name }) => [
      kind,
      used.slice(0, 'yyyy-mm-ddThh:mm'.length).replace('T', ' '),
      `${formatBytes(size)}${shared ? '*' : ''}`,
      id,
      name,
    ]),
  );
}
