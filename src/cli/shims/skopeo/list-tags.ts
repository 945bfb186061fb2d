import type { Command } from 'commander';
import { type GlobalFlags, withTimeout } from './global-options.ts';
import {
  addSkopeoRegistryOptions,
  type SkopeoRegistryFlags,
  skopeoRegistrySettings,
} from './registry-flags.ts';
import { skopeoLocation } from './skopeo-location.ts';

export function listTagsCommand(program: Command, { signal }: { signal: AbortSignal }): Command {
  const command = program
    .command('list-tags')
    .summary('list the tags of a repository')
    .argument('<repository>', 'docker://REPOSITORY')
    .action(async (repository: string) => {
      const flags = command.optsWithGlobals<SkopeoRegistryFlags & GlobalFlags>();
      skopeoLocation(repository);
      const { listTags } = await import('../../../app/tags/list-tags.ts');
      const registry = skopeoRegistrySettings(flags);
      const { name, tags } = await listTags(repository, { registry, signal: withTimeout(signal, flags) });
      process.stdout.write(`${JSON.stringify({ Repository: name, Tags: tags }, null, 4)}\n`);
    });
  return addSkopeoRegistryOptions(command);
}
