import { makeBuildFixture, type Subject } from './build-fixture.ts';
import { builders, type Temperature } from './builders.ts';
import { compare } from './harness.ts';
import { setHostEmulator } from './host-emulators.ts';
import type { Comparison } from './report.ts';

interface BuildBenchOptions {
  rounds?: number;
  onRound: (line: string) => void;
}

/** A two-platform Dockerfile, from the command to the index in a registry. */
async function build(
  subject: Subject,
  temperatures: readonly Temperature[],
  withBuildah: boolean,
  options: BuildBenchOptions,
): Promise<Comparison[]> {
  const fixture = await makeBuildFixture(subject, options.onRound);
  try {
    const comparisons: Comparison[] = [];
    for (const temperature of temperatures) {
      const { contenders, missing } = await builders(fixture, temperature, {
        withBuildah,
        emulates: subject === 'steps',
      });
      const title = `${temperature} build and push, two platforms, ${subject === 'copy' ? 'COPY only' : 'nine steps'}`;
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
  return await build('steps', ['cold'], false, options);
}

export async function buildWarm(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build('steps', ['warm'], false, options);
}

/** Both, with buildah too. */
export async function buildTwoPlatforms(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build('steps', ['cold', 'warm'], true, options);
}

/** Both, of a Dockerfile that runs nothing: no emulator is needed. */
export async function buildCopy(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build('copy', ['cold', 'warm'], false, options);
}
