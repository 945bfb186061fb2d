import { type Command, Option } from 'commander';
import { createImage } from '../../../app/imagetools/create-image.ts';
import { failure, reasonOf } from '../../../lib/errors.ts';
import { readFileWithin } from '../../../lib/read-file-within.ts';
import { printable } from '../../../lib/redact.ts';
import { eventWriter } from '../../index/write-result.ts';
import { terminalText } from '../../terminal-text.ts';
import { writeResultFile } from '../../write-result-file.ts';

interface Flags {
  readonly annotation?: string[];
  readonly append?: true;
  readonly dryRun?: true;
  readonly file?: string[];
  readonly metadataFile?: string;
  readonly platform?: string[];
  readonly preferIndex: boolean;
  readonly progress: 'auto' | 'none' | 'plain';
  readonly tag?: string[];
}

const append = (value: string, all: string[] = []): string[] => [...all, value];

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('[source...]', 'references, digests, or descriptors as JSON')
    .option(
      '--annotation <annotation>',
      'Add annotation to the image: index: or manifest-descriptor:',
      append,
    )
    .option('--append', 'Append to existing manifest')
    .option('--dry-run', 'Show final image instead of pushing')
    .option('-f, --file <path>', 'Read source descriptor from file', append)
    .option('--metadata-file <path>', 'Write create result metadata to a file')
    .option('-p, --platform <platforms>', 'Filter specified platforms of target image', append)
    .option('--prefer-index', 'An index for a single image too', true)
    .option('--no-prefer-index', 'Copy a single image as it is')
    .addOption(
      new Option('--progress <type>', 'Set type of progress output')
        .choices(['auto', 'none', 'plain'])
        .default('auto'),
    )
    .option('-t, --tag <reference>', 'Set reference for new image', append)
    .action(async (words: string[], flags: Flags) => {
      const files = await Promise.all((flags.file ?? []).map(readSourceFile));
      const created = await createImage({
        sources: [...files, ...words],
        tags: flags.tag ?? [],
        annotations: flags.annotation ?? [],
        append: flags.append,
        dryRun: flags.dryRun,
        preferIndex: flags.preferIndex,
        platforms: flags.platform ?? [],
        signal: context.signal,
        onEvent: eventWriter(flags.progress === 'none' ? { quiet: true } : {}),
      });
      for (const warning of created.warnings) process.stderr.write(`warning: ${printable(warning)}\n`);
      const { descriptor, bytes } = created.document;
      if (flags.dryRun) {
        process.stdout.write(terminalText(`${bytes}\n`));
        return;
      }
      if (flags.metadataFile !== undefined) {
        const { mediaType, digest, size } = descriptor;
        const metadata = {
          'containerimage.descriptor': { mediaType, digest, size },
          'image.name': created.repositories.join(','),
        };
        await writeResultFile('--metadata-file', flags.metadataFile, JSON.stringify(metadata, null, 2));
      }
    });
}

const maxSourceBytes = 1024 * 1024;

async function readSourceFile(path: string): Promise<string> {
  try {
    return String(await readFileWithin(path, maxSourceBytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw failure('NOT_FOUND', 'read', path, reasonOf(error), { cause: error });
  }
}
