import type { Command } from 'commander';
import { type LocalImage, listImages } from '../../app/images/list-images.ts';
import { counted } from '../counted.ts';
import { type Format, formatData, formatOption } from '../format.ts';
import { formatBytes, table } from '../table.ts';
import { writeOutput } from '../write-output.ts';

export function command(program: Command, context: { signal: AbortSignal }): Command {
  return program
    .argument('[reference]', 'only this repository’s, or this one')
    .option('-a, --all', 'also names that are kept for other images: signatures, indexes of referrers')
    .addOption(formatOption())
    .action(async (reference: string | undefined, options: { all?: true; format: Format }) => {
      const images = await listImages({ reference, all: options.all, signal: context.signal });
      await writeOutput([formatData(images, options.format, renderImages)]);
    });
}

function renderImages(images: readonly LocalImage[]): string {
  return table(
    [
      { title: 'REFERENCE' },
      { title: 'PLATFORMS' },
      { title: 'CREATED' },
      { title: 'SIZE', align: 'right' },
      { title: 'DIGEST' },
    ],
    images.map(({ reference, platforms, created, size, digest, ...rest }) => [
      reference,
      platforms.join(',') || '-',
      created?.slice(0, 'yyyy-mm-ddThh:mm'.length).replace('T', ' ') ?? '-',
      formatBytes(size),
      `${digest}${faultsOf(rest)}`,
    ]),
  );
}

function faultsOf({ missing, damaged }: Pick<LocalImage, 'missing' | 'damaged'>): string {
  const faults = [
    ...(missing > 0 ? [`${counted(missing, 'content')} not here`] : []),
    ...(damaged > 0 ? [`${counted(damaged, 'manifest')} damaged`] : []),
  ];
  return faults.length === 0 ? '' : ` (${faults.join(', ')})`;
}
