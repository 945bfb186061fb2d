/** One side of a comparison. */
export interface Contender {
  readonly name: string;
  /** Before each run, not timed. */
  readonly prepare?: (round: number) => Promise<void> | void;
  /** What is timed. A failure ends the benchmark. */
  readonly run: (round: number) => Promise<void> | void;
  /** After each run, not timed: throws when the result is not what was asked for. */
  readonly check?: (round: number) => Promise<void> | void;
}

export interface Measurement {
  readonly name: string;
  /** Wall-clock time of each round, in the order of the rounds. */
  readonly milliseconds: readonly number[];
}

export interface CompareOptions {
  /** Timed rounds. */
  readonly rounds: number;
  /** Rounds before those, not counted. Default 1. */
  readonly warmUp?: number;
  readonly onRound?: (line: string) => void;
}

/**
 * Runs all contenders once a round, so that what else the machine does falls on all of them alike; every other round in reverse order, so that
 * nobody always follows the same one.
 */
export async function compare(
  contenders: readonly Contender[],
  options: CompareOptions,
): Promise<Measurement[]> {
  const warmUp = options.warmUp ?? 1;
  const times = new Map<string, number[]>(contenders.map((contender) => [contender.name, []]));
  for (let round = 0; round < warmUp + options.rounds; round++) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) {
      await contender.prepare?.(round);
      const start = performance.now();
      await contender.run(round);
      const elapsed = performance.now() - start;
      await contender.check?.(round);
      const counted = round >= warmUp;
      if (counted) times.get(contender.name)?.push(elapsed);
      options.onRound?.(`${counted ? 'round' : 'warm-up'} ${contender.name}: ${elapsed.toFixed(1)} ms`);
    }
  }
  return [...times].map(([name, milliseconds]) => ({ name, milliseconds }));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
