import type { Command } from 'commander';
import { pushManifestList } from '../../../app/docker-manifest/docker-manifest.ts';
import { printable } from '../../../lib/redact.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('<manifest-list>')
    .option('--insecure', 'Allow push to an insecure registry')
    .option('-p, --purge', 'Remove the local manifest list after push')
    .action(async (list: string, flags: { insecure?: true; purge?: true }) => {
      const { digest, pushed, warnings } = await pushManifestList(list, {
        purge: flags.purge,
        registry: flags.insecure ? { tlsVerify: false } : {},
        signal: context.signal,
      });
      for (const warning of warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
      for (const name of pushed) {
        process.stdout.write(`Pushed ref ${name} with digest: ${name.slice(name.indexOf('@') + 1)}\n`);
      }
      process.stdout.write(`${digest}\n`);
    });
}
