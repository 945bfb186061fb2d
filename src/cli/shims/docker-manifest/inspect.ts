import type { Command } from 'commander';
import { inspectManifest } from '../../../app/docker-manifest/docker-manifest.ts';
import { terminalText } from '../../terminal-text.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('<manifest-list-or-manifest>')
    .argument('[manifest]')
    .option('--insecure', 'Allow communication with an insecure registry')
    .option('-v, --verbose', 'Output additional info including layers and platform')
    .action(async (first: string, second: string | undefined, flags: { insecure?: true; verbose?: true }) => {
      const shown = await inspectManifest(second === undefined ? [first] : [first, second], {
        verbose: flags.verbose,
        registry: flags.insecure ? { tlsVerify: false } : {},
        signal: context.signal,
      });
      if (flags.verbose) process.stdout.write(terminalText(`${JSON.stringify(shown.stored, null, '\t')}\n`));
      else if (shown.kind === 'list') process.stdout.write(terminalText(`${shown.bytes}\n`));
      else {
        const manifest: unknown = JSON.parse(shown.bytes.toString('utf8'));
        process.stdout.write(terminalText(`${JSON.stringify(manifest, null, '\t')}\n`));
      }
    });
}
