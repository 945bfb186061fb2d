import type { Command } from 'commander';
import { appendIndex } from '../../app/index/change-index.ts';
import { append } from '../option-lists.ts';
import { addRegistryOptions, registrySettings } from '../registry-options.ts';
import { type ChangeFlags, changeOptions, withGuards, withResult } from './flags.ts';
import { writeResult } from './write-result.ts';

interface Flags extends ChangeFlags {
  readonly platform?: string;
  readonly replace?: true;
  readonly attestations: boolean;
  readonly annotation?: string[];
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description(
      'Add images to the index that a name points at now. What its place lacks is mounted or copied.',
    )
    .argument('<target>', 'the index')
    .argument('<source...>', 'images or indexes, of any transport; SOURCE@platform=… says what one is for')
    .option('-t, --tag <reference>', 'one more name for the result; may be given several times', append)
    .option('--platform <platform>', 'platform of the one source, in place of its config’s')
    .option('--replace', 'take the place of an image that is there for the same platform')
    .option('--no-attestations', 'leave out the SBOM and provenance of the sources')
    .option('--annotation <annotation>', '[index|manifest-descriptor[PLATFORM]:]KEY=VALUE', append);
  withResult(withGuards(program)).action(async (target: string, sources: string[], flags: Flags) => {
    const written = await appendIndex({
      ...changeOptions(target, flags, context.signal),
      registry: registrySettings(flags),
      sources,
      platform: flags.platform,
      replace: flags.replace,
      attestations: flags.attestations,
      annotations: flags.annotation ?? [],
    });
    await writeResult(written, flags);
  });
  return addRegistryOptions(program);
}
