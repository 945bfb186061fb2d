import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type CopyFixture, makeCopyFixture, pushIndex, pushSmall } from './copy-fixture.ts';
import { type Contender, compare } from './harness.ts';
import { bundle, findPeer, ownNode, runSync } from './programs.ts';
import type { Comparison } from './report.ts';

interface CopyBenchOptions {
  rounds?: number;
  onRound: (line: string) => void;
}

const smallImages = 200;

/** The published program: that is what users run. */
function ours(...args: string[]): void {
  runSync(ownNode, [bundle, ...args]);
}

const name = 'polyarch';
const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];

async function withFixture(work: (fixture: CopyFixture) => Promise<Comparison[]>): Promise<Comparison[]> {
  const fixture = await makeCopyFixture();
  try {
    return await work(fixture);
  } finally {
    await fixture.close();
  }
}

/** What takes part beside us, with how it copies `from` to `to`, both in registries. */
function copiers(): {
  contenders: { name: string; copy: (from: string, to: string) => void }[];
  missing: string[];
} {
  const contenders = [
    { name: `${name} copy`, copy: (from: string, to: string) => ours('copy', '-q', from, to) },
  ];
  const missing: string[] = [];
  const skopeo = findPeer('skopeo', { elf: true });
  if (skopeo === undefined) missing.push('skopeo: not installed');
  else {
    contenders.push({
      name: 'skopeo copy --all',
      copy: (from, to) =>
        runSync(skopeo, ['copy', '--all', '--quiet', ...insecure, `docker://${from}`, `docker://${to}`]),
    });
  }
  const crane = findPeer('crane', { elf: true });
  if (crane === undefined) missing.push('crane: not installed');
  else
    contenders.push({
      name: 'crane copy',
      copy: (from, to) => runSync(crane, ['copy', '--insecure', from, to]),
    });
  return { contenders, missing };
}

/** Six platforms of three layers, 600 MB: from a registry to an empty one, and to an empty directory. */
export async function copyIndex(options: CopyBenchOptions): Promise<Comparison[]> {
  return await withFixture(async (fixture) => {
    const digest = await pushIndex(fixture);
    const from = `${fixture.source.host}/index:1`;
    const to = `${fixture.target.host}/index:1`;
    const { contenders, missing } = copiers();
    const registry: Contender[] = contenders.map(({ name, copy }) => ({
      name,
      prepare: () => fixture.target.empty(),
      run: () => copy(from, to),
      check: async () => {
        if ((await fixture.targetDigest('index', '1')) !== digest)
          throw new Error(`${name} changed the digest`);
      },
    }));
    const rounds = options.rounds ?? 5;
    const measured = await compare(registry, { rounds, onRound: options.onRound });
    const first = { title: 'copy-index, registry to registry', measurements: measured, missing };
    const layout = await compare(layoutContenders(fixture, from, digest), {
      rounds,
      onRound: options.onRound,
    });
    return [first, { title: 'copy-index, registry to OCI layout', measurements: layout, missing: [] }];
  });
}

function layoutContenders(fixture: CopyFixture, from: string, digest: string): Contender[] {
  const contender = (name: string, copy: (directory: string) => void): Contender => {
    let directory = '';
    return {
      name,
      prepare: () => {
        directory = fixture.emptyDirectory('layout');
      },
      run: () => copy(directory),
      check: () => {
        if (!readFileSync(join(directory, 'index.json'), 'utf8').includes(digest))
          throw new Error(`${name} changed the digest`);
      },
    };
  };
  const contenders = [
    contender(`${name} copy`, (directory) => ours('copy', '-q', from, `oci:${directory}:1`)),
  ];
  const skopeo = findPeer('skopeo', { elf: true });
  if (skopeo) {
    const args = ['copy', '--all', '--quiet', '--src-tls-verify=false', `docker://${from}`];
    contenders.push(
      contender('skopeo copy --all', (directory) => runSync(skopeo, [...args, `oci:${directory}:1`])),
    );
  }
  return contenders;
}

/** The same again: everything is there. */
export async function copyNoop(options: CopyBenchOptions): Promise<Comparison[]> {
  return await withFixture(async (fixture) => {
    await pushIndex(fixture, 6);
    const from = `${fixture.source.host}/index:1`;
    const to = `${fixture.target.host}/index:1`;
    const { contenders, missing } = copiers();
    contenders[0]?.copy(from, to);
    const measurements = await compare(
      [
        ...contenders.map(({ name, copy }) => ({ name, run: () => copy(from, to) })),
        { name: `${name} copy --no-referrers`, run: () => ours('copy', '-q', '--no-referrers', from, to) },
        { name: 'node -e 0', run: () => runSync(ownNode, ['-e', '0']) },
      ],
      { rounds: options.rounds ?? 15, warmUp: 2, onRound: options.onRound },
    );
    return [{ title: 'copy-noop', measurements, missing }];
  });
}

/** A repository of 200 images, mirrored to an empty registry. */
export async function copySmall(options: CopyBenchOptions): Promise<Comparison[]> {
  return await withFixture(async (fixture) => {
    await pushSmall(fixture, smallImages);
    const from = `${fixture.source.host}/small`;
    const prepare = (): void => fixture.target.empty();
    const check = async (): Promise<void> => {
      for (let number = 0; number < smallImages; number++)
        await fixture.targetDigest('small', String(number));
    };
    const contenders: Contender[] = [
      {
        name: `${name} sync`,
        prepare,
        check,
        run: () => ours('sync', '-s', 'docker', '-d', 'docker', from, fixture.target.host),
      },
    ];
    const missing: string[] = [];
    const skopeo = findPeer('skopeo', { elf: true });
    if (skopeo === undefined) missing.push('skopeo: not installed');
    else {
      const args = ['sync', '--all', '--src', 'docker', '--dest', 'docker', ...insecure];
      contenders.push({
        name: 'skopeo sync --all',
        prepare,
        check,
        run: () => runSync(skopeo, [...args, from, fixture.target.host]),
      });
    }
    const measurements = await compare(contenders, {
      rounds: options.rounds ?? 3,
      warmUp: 1,
      onRound: options.onRound,
    });
    return [{ title: 'copy-small', measurements, missing }];
  });
}
