import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { failure } from '../../../lib/errors.ts';
import { printable } from '../../../lib/redact.ts';
import { ExitWith } from '../../exit-with.ts';
import { imageSettings, registryReference, settingsOf } from './global-flags.ts';

export function exportCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('write the files of an image as a tar')
    .argument('<image>', 'an image of a registry; -: one in docker save’s format on standard input')
    .argument('[tarball]', 'a file; -: standard output', '-')
    .action(async (image: string, tarball: string) => {
      const { exportImage } = await import('../../../app/image/export-image.ts');
      const reference = image === '-' ? 'docker-archive:-' : registryReference(image);
      const settings =
        image === '-' ? settingsOf(command, signal) : await imageSettings(command, reference, signal);
      await exportImage(reference, (pieces) => writeTo(tarball, pieces, signal), settings);
    });
}

async function writeTo(path: string, pieces: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
  if (path === '-') {
    await pipeline(Readable.from(pieces), process.stdout, { end: false, signal }).catch((error: unknown) => {
      // Whoever reads has seen enough.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
    });
    return;
  }
  await writeFileAtomic(path, pieces, { signal });
}

export function validateCommand(command: Command, signal: AbortSignal): Command {
  return command
    .summary('check that an image is well-formed')
    .option('--fast', 'do not read layers')
    .option('--remote <image>', 'an image of a registry')
    .option('--tarball <path>', 'a file in docker save’s format')
    .action(async (flags: { fast?: true; remote?: string; tarball?: string }) => {
      const { validateImage } = await import('../../../app/image/validate-image.ts');
      const { fast, remote, tarball } = flags;
      const images = [
        ...(tarball === undefined ? [] : [[tarball, `docker-archive:${tarball}`] as const]),
        ...(remote === undefined ? [] : [[remote, registryReference(remote)] as const]),
      ];
      if (images.length === 0) throw failure('USAGE', 'validate', '', 'neither --remote nor --tarball');
      for (const [name, reference] of images) {
        const problems = await validateImage(reference, { ...settingsOf(command, signal), fast });
        process.stdout.write(
          problems.length === 0
            ? `PASS: ${name}\n`
            : `FAIL: ${name}: ${problems.map(printable).join('\n')}\n`,
        );
        if (problems.length > 0) throw new ExitWith(1);
      }
    });
}
