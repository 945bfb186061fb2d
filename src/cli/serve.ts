import { once } from 'node:events';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { serve } from '../app/serve.ts';
import { reasonOf } from '../lib/errors.ts';
import { printable } from '../lib/redact.ts';

/** Interrupting it is the normal way to end it: exit code 0. */
export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .description(
      'Serve a registry (OCI distribution-spec 1.1) from a directory. It has no authorisation: keep it on loopback.',
    )
    .option('--addr <host:port>', 'where to listen; port 0 picks a free one', '127.0.0.1:5000')
    .requiredOption('--root <directory>', 'where its data lies; made when missing')
    .action(async (options: { addr: string; root: string }) => {
      const registry = await serve({
        addr: options.addr,
        root: resolve(options.root),
        onError: (error) => process.stderr.write(`error: ${printable(reasonOf(error))}\n`),
      });
      try {
        process.stdout.write(`listening on ${registry.url}\n`);
        if (!context.signal.aborted) await once(context.signal, 'abort');
      } finally {
        await registry.close();
      }
    });
}
