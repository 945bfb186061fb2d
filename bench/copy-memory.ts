import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeLargeImage } from './large-image.ts';
import { peakNodeMemory } from './peak-memory.ts';
import { startPeerRegistry } from './peer-registry.ts';
import { bundle, ownNode, run } from './programs.ts';
import type { Figures } from './report.ts';

const mebibyte = 2 ** 20;
const sizes = [256, 4096];

/** Where an image of one layer is copied from and to: arguments of `copy`. */
const ways: Readonly<Record<string, (at: Places) => readonly [string, string]>> = {
  'layout to registry': ({ layout, target }) => [`oci:${layout}:1`, `${target}/memory:1`],
  'registry to registry': ({ source, target }) => [`${source}/memory:1`, `${target}/memory:1`],
  'registry to layout': ({ source, fresh }) => [`${source}/memory:1`, `oci:${fresh}:1`],
  'archive to registry': ({ archive, target }) => [`oci-archive:${archive}:1`, `${target}/memory:1`],
  'registry to archive': ({ source, fresh }) => [`${source}/memory:1`, `oci-archive:${fresh}:1`],
};

interface Places {
  readonly layout: string;
  readonly archive: string;
  /** Registries. */
  readonly source: string;
  readonly target: string;
  /** Does not exist yet. */
  readonly fresh: string;
}

/** Peaks of resident memory of the published program, all its processes added up; the highest of the rounds. */
export async function copyMemory(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Figures[]> {
  const rounds = options.rounds ?? 1;
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-bench-memory-'));
  const [source, target] = await Promise.all([
    startPeerRegistry(join(directory, 'source')),
    startPeerRegistry(join(directory, 'target')),
  ]);
  const at: Places = {
    layout: join(directory, 'layout'),
    archive: join(directory, 'archive.tar'),
    source: source.host,
    target: target.host,
    fresh: join(directory, 'fresh'),
  };
  const env = { ...process.env, POLYARCH_HOME: join(directory, 'home') };
  const peaks = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
  try {
    for (const mebibytes of sizes) {
      await writeLargeImage(at.layout, { layers: 1, mebibytes });
      await run(ownNode, [bundle, 'copy', '-q', `oci:${at.layout}:1`, `${source.host}/memory:1`], { env });
      execFileSync('tar', ['--create', '--file', at.archive, '--directory', at.layout, '.']);
      for (const [name, way] of Object.entries(ways)) {
        const all: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const args = [bundle, 'copy', '-q', ...way(at)];
          all.push(await peakNodeMemory(ownNode, args, { env }));
          options.onRound(`${mebibytes} MiB, ${name}: ${shown(all.at(-1) ?? 0)}`);
          target.empty();
          rmSync(at.fresh, { recursive: true, force: true });
        }
        peaks.get(name)?.push(Math.max(...all));
      }
      source.empty();
      rmSync(at.layout, { recursive: true });
      rmSync(at.archive);
    }
    const start = await peakNodeMemory(ownNode, [bundle, '--version'], { env });
    return [
      {
        title: 'copy-memory',
        columns: ['', ...sizes.map((mebibytes) => `${mebibytes} MiB`), '`--version`'],
        rows: [...peaks].map(([name, values]) => [name, ...values.map(shown), shown(start)]),
      },
    ];
  } finally {
    await Promise.all([source.close(), target.close()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function shown(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}
