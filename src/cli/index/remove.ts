import type { Command } from 'commander';
import { removeFromIndex } from '../../app/index/change-index.ts';
import { append } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Take platforms out of the index that a name points at now, with their attestations. The images themselves stay in the registry.',
    )
    .argument('<target>', 'the index')
    .argument('<entry...>', 'platforms, or digests of entries')
    .option('-t, --tag <reference>', 'one more name for the result; may be given several times', append);
  withResult(withGuards(program)).action(async (target: string, entries: string[], flags: ChangeFlags) => {
    const written = await removeFromIndex({
      ...changeOptions(target, flags, context.signal),
      registry: registrySettings(flags),
      entries,
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}
