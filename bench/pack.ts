import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compare } from './harness.ts';
import { findPeer, ownNode, runSync } from './programs.ts';
import { writeLargeFiles, writeSmallFiles } from './random-files.ts';
import type { Comparison } from './report.ts';

const packer = join(import.meta.dirname, 'pack-directory.ts');

/** A gzip-compressed layer of a directory, as a file: ours also computes both digests and syncs. */
export async function pack(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-bench-pack-'));
  const pigz = findPeer('pigz');
  const comparisons: Comparison[] = [];
  try {
    writeSmallFiles(join(scratch, 'small'), 20_000, 'small');
    writeLargeFiles(join(scratch, 'large'), 10, 50, 'large');
    for (const [folder, title] of [
      ['small', 'pack: 20,000 files of 100 to 3,100 bytes'],
      ['large', 'pack: 500 MiB in ten files'],
    ] as const) {
      const directory = join(scratch, folder);
      const sizes: string[] = [];
      const layerOf = (name: string) => join(scratch, `${name}.tar.gz`);
      const ours = layerOf('ours');
      const theirs = layerOf('theirs');
      const command = `tar --create --sort=name --numeric-owner --directory="$1" . | pigz -n > "$2"`;
      const contenders = [
        {
          name: 'polyarch layer writer',
          prepare: () => rmSync(ours, { force: true }),
          run: () => runSync(ownNode, ['--disable-warning=ExperimentalWarning', packer, directory, ours]),
        },
        ...(pigz
          ? [
              {
                name: 'GNU tar | pigz',
                prepare: () => rmSync(theirs, { force: true }),
                run: () => runSync('sh', ['-c', command, 'sh', directory, theirs]),
              },
            ]
          : []),
      ];
      const measurements = await compare(contenders, {
        rounds: options.rounds ?? 5,
        onRound: options.onRound,
      });
      for (const [name, path] of [
        ['ours', ours],
        ['tar | pigz', theirs],
      ] as const)
        if (name === 'ours' || pigz) sizes.push(`${name} ${(statSync(path).size / 2 ** 20).toFixed(1)} MiB`);
      comparisons.push({
        title: `${title} (${sizes.join(', ')})`,
        measurements,
        missing: pigz ? [] : ['pigz: not installed'],
      });
    }
    return comparisons;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
