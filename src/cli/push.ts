import type { Command } from 'commander';
import { push } from '../app/push.ts';
import { addRegistryOptions, type RegistryFlags, registrySettings } from './registry-options.ts';
import { tellTransferEvent } from './tell-transfer-event.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  program
    .description('Copy an image with every platform, and with what refers to it, to a registry.')
    .argument(
      '<reference>',
      'an image of the local store, or behind a transport: oci:DIR, docker-daemon:NAME',
    )
    .argument('[target]', 'the name that it gets in a registry; default its own')
    .option('--no-referrers', 'leave signatures, SBOMs and other referrers behind')
    .option('-q, --quiet', 'print the digest only')
    .action(
      async (
        reference: string,
        target: string | undefined,
        options: RegistryFlags & { quiet?: true; referrers: boolean },
      ) => {
        const result = await push(reference, target, {
          registry: registrySettings(options),
          referrers: options.referrers,
          signal: context.signal,
          onEvent: (event) => {
            if (!options.quiet) tellTransferEvent(event);
          },
        });
        process.stdout.write(options.quiet ? `${result.digest}\n` : `${result.target}@${result.digest}\n`);
      },
    );
  return addRegistryOptions(program);
}
