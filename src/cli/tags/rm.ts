import type { Command } from 'commander';
import { type RemovedTags, removeTags } from '../../app/tags/remove-tags.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { tellTransferEvent } from '../tell-transfer-event.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Remove tags from a registry. REPOSITORY:TAG removes the tag and leaves what it points at, which other tags and indexes may need; ' +
        'REPOSITORY@DIGEST deletes the manifest, and every tag of it goes too.',
    )
    .argument('<reference...>', 'REPOSITORY:TAG or REPOSITORY@DIGEST')
    .addOption(formatOption())
    .action(async (references: string[], options: RegistryFlags & { format: Format }) => {
      const removed = await removeTags(references, {
        registry: registrySettings(options),
        signal: context.signal,
        onEvent: (event) => tellTransferEvent(event),
      });
      await writeOutput([formatData(removed, options.format, renderRemoved)]);
    });
  return addRegistryOptions(program);
}

function renderRemoved(removed: readonly RemovedTags[]): string {
  return removed
    .map(({ reference, digest, tags, deleted }) =>
      deleted
        ? `deleted ${reference}${tags.length > 0 ? `, and with it ${tags.join(', ')}` : ''}\n`
        : `removed ${reference}, which pointed at ${digest}\n`,
    )
    .join('');
}
