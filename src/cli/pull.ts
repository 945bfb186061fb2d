import type { Command } from 'commander';
import { renderCopied, showEvent } from './copy.ts';
import { appendAll } from './option-lists.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';

interface Flags extends RegistryFlags {
  readonly platform?: string[];
  readonly referrers: boolean;
  readonly quiet?: true;
}

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description('Copy an image from a registry into the local store, where run, push and builds find it.')
    .argument('<reference>', 'an image in a registry, or behind a transport: docker-daemon:NAME')
    .option('--platform <list>', 'these platforms only, comma separated: a new index of those', appendAll)
    .option('--no-referrers', 'leave signatures, SBOMs and other referrers behind')
    .option('-q, --quiet', 'print the digest only')
    .action(async (reference: string, flags: Flags) => {
      const { pull } = await import('../app/pull.ts');
      const result = await pull(reference, {
        platforms: flags.platform,
        referrers: flags.referrers,
        registry: registrySettings(flags),
        signal: context.signal,
        onEvent: showEvent(flags),
      });
      process.stdout.write(flags.quiet ? `${result.digest}\n` : renderCopied(result, {}));
    });
  return addRegistryOptions(program);
}
