import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { digestOf } from '../../../lib/digest.ts';
import { failure, reasonOf } from '../../../lib/errors.ts';

export function manifestDigestCommand(program: Command): Command {
  return program
    .command('manifest-digest')
    .summary('print the digest of a manifest in a file')
    .argument('<file>', 'its exact bytes')
    .action(async (file: string) => {
      const bytes = await readFile(file).catch((error: unknown) => {
        throw failure('NOT_FOUND', 'read', file, reasonOf(error), { cause: error });
      });
      process.stdout.write(`${digestOf(bytes)}\n`);
    });
}
