import type { Command } from 'commander';
import { listTags } from '../../app/tags/list-tags.ts';
import { printable } from '../../lib/redact.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from '../registry-options.ts';
import { tellTransferEvent } from '../tell-transfer-event.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .argument('<repository>', 'a repository of a registry')
    .addOption(formatOption())
    .action(async (repository: string, options: RegistryFlags & { format: Format }) => {
      const listed = await listTags(repository, {
        registry: registrySettings(options),
        signal: context.signal,
        onEvent: (event) => tellTransferEvent(event),
      });
      const text = formatData(listed, options.format, ({ tags }) =>
        tags.map((tag) => `${printable(tag)}\n`).join(''),
      );
      await writeOutput([text]);
    });
  return addRegistryOptions(program);
}
