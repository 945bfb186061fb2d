import type { Command } from 'commander';
import { digestOf } from '../../../lib/digest.ts';
import { failure, isFailure, reasonOf } from '../../../lib/errors.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { maxMetadataBytes } from '../../../oci/manifest.ts';

export function manifestDigestCommand(program: Command): Command {
  return program
    .command('manifest-digest')
    .summary('print the digest of a manifest in a file')
    .argument('<file>', 'its exact bytes')
    .action(async (file: string) => {
      const bytes = await readFileWithin(file, maxMetadataBytes).catch((error: unknown) => {
        if (isFailure(error)) throw error;
        throw failure('NOT_FOUND', 'read', file, reasonOf(error), { cause: error });
      });
      process.stdout.write(`${digestOf(bytes)}\n`);
    });
}
