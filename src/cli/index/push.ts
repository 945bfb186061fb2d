import type { Command } from 'commander';
import { pushIndex } from '../../app/index/push-index.ts';
import { append } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Publish an index of the local store, or of another place, with all that it stands for: children first, by digest, names last. Its bytes stay as they are.',
    )
    .argument('<source>', 'an index; a name without a transport is the local store’s')
    .argument('[target]', 'the name that it gets; default its own, in its registry')
    .option('-t, --tag <reference>', 'one more name for it; may be given several times', append);
  withResult(withGuards(program)).action(
    async (source: string, target: string | undefined, flags: ChangeFlags) => {
      const { target: _none, ...options } = changeOptions('', flags, context.signal);
      const written = await pushIndex({ ...options, registry: registrySettings(flags), source, target });
      await writeResult(written, flags);
    },
  );
  return addRegistryOptions(program);
}
