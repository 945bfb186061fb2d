import { makeBuildFixture, type Subject } from './build-fixture.ts';
import { copyAlone, copyOnLargeBase, edited, large, oneFile, steps } from './build-subjects.ts';
import { builders, peakMemory, type Temperature } from './builders.ts';
import { compare } from './harness.ts';
import { setHostEmulator } from './host-emulators.ts';
import type { Comparison } from './report.ts';

interface BuildBenchOptions {
  rounds?: number;
  onRound: (line: string) => void;
}

/** A Dockerfile, from the command to the image in a registry. */
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
        emulates: subject.template === 'steps',
      });
      const measurements = await compare(contenders, {
        rounds: options.rounds ?? 5,
        warmUp: temperature === 'cold' ? 1 : 2,
        onRound: options.onRound,
      });
      const peak = Math.round((await peakMemory(fixture, temperature)) / 1e6);
      const notes = [`Peak memory of polyarch's Node processes, added up: ${peak} MB`];
      const title = `${temperature} build and push, ${subject.title}`;
      comparisons.push({ title, measurements, missing, notes });
    }
    return comparisons;
  } finally {
    setHostEmulator(true);
    await fixture.close();
  }
}

export async function buildCold(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(steps, ['cold'], false, options);
}

export async function buildWarm(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(steps, ['warm'], false, options);
}

/** Both, with buildah too. */
export async function buildTwoPlatforms(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(steps, ['cold', 'warm'], true, options);
}

/** Both, of a Dockerfile that runs nothing: no emulator is needed. */
export async function buildCopy(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(copyAlone, ['cold', 'warm'], false, options);
}

export async function buildCopyOnly(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(copyOnLargeBase, ['cold'], false, options);
}

export async function buildLarge(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(large, ['cold', 'warm'], false, options);
}

export async function buildEdit(options: BuildBenchOptions): Promise<Comparison[]> {
  return await build(edited, ['edit'], false, options);
}

/** The same step on root file systems of other sizes: its cost must not follow them. */
export async function snapshotScale(options: BuildBenchOptions): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const count of [1_000, 10_000, 100_000])
    comparisons.push(...(await build(oneFile(count), ['edit'], false, options)));
  return comparisons;
}
