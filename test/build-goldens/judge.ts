import { isDeepStrictEqual } from 'node:util';
import type { GoldenCase } from './case-file.ts';
import type { Outcome, Recorded } from './outcome.ts';

/**
 * Holds what ours gave against a recorded case; a text that says what is wrong, or undefined. Images and warnings must be equal; an error must be an error
 * at the same line, and in our recorded words. What differs otherwise needs a `deviation:` in the case, and is then held to what was recorded.
 */
export function judge(golden: GoldenCase, recorded: Recorded, ours: Outcome): string | undefined {
  const { peer } = recorded;
  const expected = recorded.ours ?? peer;
  if (!isSame(ours, expected)) return difference('recorded', expected, ours);
  if (golden.deviation !== undefined || isSame(ours, peer)) return undefined;
  if (peer.error === undefined || ours.error === undefined) return difference('peer', peer, ours);
  const line = /^(?:\d+: )?/.exec(peer.error)?.[0] ?? '';
  return ours.error.startsWith(line) ? undefined : difference('peer', peer, ours);
}

/** Keys in any order. */
export function isSame(a: Outcome, b: Outcome): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b)));
}

/** The lines that only one of the two has. */
function difference(name: string, theirs: Outcome, ours: Outcome): string {
  const [expected, actual] = [theirs, ours].map((outcome) =>
    JSON.stringify(outcome, undefined, 1).split('\n'),
  );
  const only = (mark: string, lines: readonly string[] = [], others: readonly string[] = []) =>
    lines.filter((line) => !others.includes(line)).map((line) => `  ${mark} ${line.trim()}`);
  return [...only(`${name} has`, expected, actual), ...only('ours has', actual, expected)].join('\n');
}
