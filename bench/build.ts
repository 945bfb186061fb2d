import { makeBuildFixture } from './build-fixture.ts';
import { builders, type Temperature } from './builders.ts';
import { compare } from './harness.ts';
import { setHostEmulator } from './host-emulators.ts';
import type { Comparison } from './report.ts';

interface BuildBenchOptions {
  rounds?: number;
  onRound: (line: string) => void;
}

/** The nine-step, two-platform Dockerfile, from the command to the index in a registry. */
async function build(
  temperatures: readonly Temperature[],
  withBuildah: boolean,
  options: BuildBenchOptions,
): Promise<Comparison[]> {
  const fixture = await makeBuildFixture(options.onRound);
  try {
    const comparisons: Comparison[] = [];
    for (const temperature of temperatures) {
      const { contenders, missing } = builders(fixture, temperature, { withBuildah });
      const title = `${temperature} build and push, two platforms`;
      const measurements = await compare(contenders, {
        rounds: options.rounds ?? 5,
        warmUp: temperature === 'warm' ? 2 : 1,
        onRound: options.onRound,
      });
      comparisons.push({ title, measurements, missing });
    }
    return comparisons;
  } finally {
    setHostEmulator(true);
    await fixture.close();
  }
}

export async function buildCold(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(['cold'], false, options);
}

export async function buildWarm(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(['warm'], false, options);
}

/** Both, with buildah too. */
export async function buildTwoPlatforms(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(['cold', 'warm'], true, options);
}
