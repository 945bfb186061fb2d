import type { Command } from 'commander';
import { rebaseIndex } from '../../app/index/rebase-index.ts';
import { append } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

interface Flags extends ChangeFlags {
  readonly oldBase?: string;
  readonly newBase?: string;
  readonly platform?: string[];
  readonly inherit: boolean;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Swap the base layers under every platform of an index, without a build. Refused unless the old base really lies beneath. Attestations are left out: they are about other images.',
    )
    .argument('<target>', 'the index')
    .option('--old-base <reference>', 'what lies beneath now (default: what the images’ annotations say)')
    .option(
      '--new-base <reference>',
      'what shall (default: the name in the images’ annotations, as it is now)',
    )
    .option('--platform <platforms>', 'only these platforms, comma separated', append)
    .option(
      '--no-inherit',
      'keep the config as it is: by default what is equal to the old base’s follows the new one',
    )
    .option('-t, --tag <reference>', 'one more name for the result; may be given several times', append);
  withResult(withGuards(program)).action(async (target: string, flags: Flags) => {
    const written = await rebaseIndex({
      ...changeOptions(target, flags, context.signal),
      registry: registrySettings(flags),
      oldBase: flags.oldBase,
      newBase: flags.newBase,
      platforms: flags.platform ?? [],
      inherit: flags.inherit,
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}
