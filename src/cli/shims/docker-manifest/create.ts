import type { Command } from 'commander';
import { createManifestList } from '../../../app/docker-manifest/docker-manifest.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('<manifest-list>')
    .argument('<manifest...>')
    .option('-a, --amend', 'Amend an existing manifest list')
    .option('--insecure', 'Allow communication with an insecure registry')
    .action(async (list: string, manifests: string[], flags: { amend?: true; insecure?: true }) => {
      const name = await createManifestList(list, manifests, {
        amend: flags.amend,
        registry: flags.insecure ? { tlsVerify: false } : {},
        signal: context.signal,
      });
      process.stdout.write(`Created manifest list ${name}\n`);
    });
}
