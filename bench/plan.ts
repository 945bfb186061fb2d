import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, type Measurement } from './harness.ts';
import { largeDockerfile } from './large-dockerfile.ts';
import { findPeer, ownNode, polyarch } from './programs.ts';
import type { Comparison } from './report.ts';

/** Parsing and planning a Dockerfile of 1,000 lines and 60 stages: alone, and as the whole of `--check`. */
export async function plan(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const rounds = options.rounds ?? 10;
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const output = execFileSync(ownNode, [join(import.meta.dirname, 'plan-once.ts')], { encoding: 'utf8' });
    const times = JSON.parse(output) as { first: number; later: number };
    first.push(times.first);
    later.push(times.later);
    options.onRound(`round ${round}: ${times.first.toFixed(1)} ms, later ${times.later.toFixed(1)} ms`);
  }
  const measurements: Measurement[] = [
    { name: 'parse + plan, first in a process', milliseconds: first },
    { name: 'parse + plan, sixth', milliseconds: later },
  ];
  const inProcess: Comparison = { title: 'plan', measurements, missing: [] };
  const directory = mkdtempSync(join(process.env.PEERS ?? tmpdir(), 'polyarch-plan-'));
  try {
    writeFileSync(
      join(directory, 'Dockerfile'),
      largeDockerfile().replace(/^# syntax=.*\n/, '# no syntax\n'),
    );
    const docker = findPeer('docker');
    const check = (file: string, args: readonly string[]) => () => {
      try {
        execFileSync(file, args, { cwd: directory, stdio: 'ignore' });
      } catch (error) {
        // Both end with 1 when there are warnings.
        if ((error as { status?: number }).status !== 1) throw error;
      }
    };
    const contenders = [
      { name: 'polyarch build --check', run: check(polyarch, ['build', '--check', '.']) },
      ...(docker
        ? [{ name: 'docker buildx build --check', run: check(docker, ['buildx', 'build', '--check', '.']) }]
        : []),
    ];
    const missing = docker ? [] : ['docker buildx build --check: docker is not installed'];
    return [
      inProcess,
      { title: 'plan: --check', measurements: await compare(contenders, { ...options, rounds }), missing },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
