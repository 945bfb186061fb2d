import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startRegistry } from '../src/registry/server/start-registry.ts';
import { type CountingWay, countingWay } from '../test/fixtures/counting-way.ts';
import { writeLargeImage } from './large-image.ts';
import { startPeerRegistry } from './peer-registry.ts';
import { bundle, findPeer, ownNode, run } from './programs.ts';
import type { Figures } from './report.ts';

const mebibyte = 2 ** 20;
const imageMebibytes = 1024;

interface Registry {
  readonly host: string;
  close(): Promise<void>;
}

/** Each started on a directory of its own for each run. */
const registries: Readonly<Record<string, (directory: string) => Promise<Registry>>> = {
  'polyarch serve': (root) => startRegistry({ root }),
  'docker-registry': startPeerRegistry,
};

interface Copier {
  readonly name: string;
  readonly argv: (layout: string, host: string) => readonly [string, ...string[]];
}

/** An image of 1 GiB from an OCI layout to a registry: SIGKILL when half has been sent, then the same command again. */
export async function copyKilled(options: { onRound: (line: string) => void }): Promise<Figures[]> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-bench-killed-'));
  const rows: string[][] = [];
  try {
    for (const layers of [1, 8]) {
      const layout = join(directory, 'image');
      await writeLargeImage(layout, { layers, mebibytes: imageMebibytes / layers });
      for (const [name, start] of Object.entries(registries)) {
        for (const copier of copiers()) {
          const seen = await killedCopy(start, copier, { directory, layout });
          rows.push([
            `${copier.name} to ${name}, ${layers === 1 ? 'one layer' : `${layers} layers`}`,
            ...[seen.before, seen.again, seen.before + seen.again - imageMebibytes * mebibyte].map(mebibytes),
            `${(seen.milliseconds / 1000).toFixed(2)} s`,
          ]);
          options.onRound(rows.at(-1)?.join(' · ') ?? '');
        }
      }
      rmSync(layout, { recursive: true });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const columns = ['', 'sent before the kill', 'sent after it', 'sent twice', 'second run'];
  return [{ title: 'copy-killed', columns, rows }];
}

function mebibytes(bytes: number): string {
  return `${(bytes / mebibyte).toFixed(1)} MiB`;
}

function copiers(): Copier[] {
  const skopeo = findPeer('skopeo', { elf: true });
  const ours: Copier = {
    name: 'polyarch copy',
    argv: (layout, host) => [ownNode, bundle, 'copy', '-q', `oci:${layout}:1`, `${host}/killed:1`],
  };
  if (skopeo === undefined) return [ours];
  const insecure = '--dest-tls-verify=false';
  const argv: Copier['argv'] = (layout, host) => [
    skopeo,
    'copy',
    '--quiet',
    insecure,
    `oci:${layout}:1`,
    `docker://${host}/killed:1`,
  ];
  return [ours, { name: 'skopeo copy', argv }];
}

async function killedCopy(
  start: (directory: string) => Promise<Registry>,
  copier: Copier,
  { directory, layout }: { readonly directory: string; readonly layout: string },
): Promise<{ before: number; again: number; milliseconds: number }> {
  const fresh = join(directory, 'run');
  const registry = await start(join(fresh, 'registry'));
  const way = await countingWay(Number(registry.host.split(':').at(-1)));
  const env = { ...process.env, POLYARCH_HOME: join(fresh, 'home') };
  try {
    const [file, ...args] = copier.argv(layout, way.host);
    await killAtHalf(way, () => spawn(file, args, { env, stdio: 'ignore' }));
    const before = way.sent;
    way.sent = 0;
    way.gate = async () => {};
    const begin = performance.now();
    await run(file, args, { env });
    return { before, again: way.sent, milliseconds: performance.now() - begin };
  } finally {
    await way.close();
    await registry.close();
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Nothing passes beyond the half, so that the program is still sending when it is killed. */
async function killAtHalf(way: CountingWay, start: () => ReturnType<typeof spawn>): Promise<void> {
  const half = Promise.withResolvers<void>();
  const killed = Promise.withResolvers<void>();
  way.gate = async (sent) => {
    if (sent < (imageMebibytes * mebibyte) / 2) return;
    half.resolve();
    await killed.promise;
  };
  const child = start();
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await Promise.race([half.promise, exit]);
  if (child.exitCode !== null) throw new Error(`Cannot kill "${child.spawnfile}": exit ${child.exitCode}`);
  child.kill('SIGKILL');
  await exit;
  killed.resolve();
  await way.ended();
}
