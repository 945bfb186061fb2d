import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compare, median } from '../bench/harness.ts';

test('contenders alternate, the warm-up is not counted, and what surrounds a run is not timed', async () => {
  const calls: string[] = [];
  const contender = (name: string) => ({
    name,
    prepare: (round: number) => void calls.push(`prepare ${name} ${round}`),
    run: (round: number) => void calls.push(`run ${name} ${round}`),
  });
  const results = await compare([contender('a'), contender('b')], { rounds: 2 });
  assert.deepEqual(
    calls.filter((call) => call.startsWith('run')),
    ['run a 0', 'run b 0', 'run b 1', 'run a 1', 'run a 2', 'run b 2'],
  );
  assert.equal(calls.indexOf('prepare b 1') + 1, calls.indexOf('run b 1'));
  assert.deepEqual(
    results.map((result) => [result.name, result.milliseconds.length]),
    [
      ['a', 2],
      ['b', 2],
    ],
  );
});

test('the median of an even count is the mean of the middle two', () => {
  assert.equal(median([9, 1, 3]), 3);
  assert.equal(median([4, 1, 2, 9]), 3);
});
