import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShortChains } from './short-chains.ts';

const ids = (count: number): string[] => Array.from({ length: count }, (_, number) => `l${number}`);

function chains(most: number): { readonly made: string[]; readonly short: ShortChains } {
  const made: string[] = [];
  const short = new ShortChains({
    fits: (lowers) => lowers.length <= most,
    merge: async (layers) => {
      await new Promise(setImmediate);
      made.push(layers.join(' '));
      return `m${made.length}`;
    },
  });
  return { made, short };
}

test('a chain that fits stays as it is', async () => {
  const { made, short } = chains(4);
  assert.deepEqual(await short.of(ids(4)), ids(4));
  assert.deepEqual(await short.of([]), []);
  assert.deepEqual(made, []);
});

test('the lowest layers become one, again and again until all fit', async () => {
  const { made, short } = chains(4);
  assert.deepEqual(await short.of(ids(9)), ['m2', 'l7', 'l8']);
  assert.deepEqual(made, ['l0 l1 l2 l3', 'm1 l4 l5 l6']);
});

test('a chain that grows, or is wanted twice at once, uses what was merged', async () => {
  const { made, short } = chains(4);
  await Promise.all([short.of(ids(5)), short.of(ids(5)), short.of(ids(6))]);
  await short.of(ids(7));
  assert.equal(made.length, 1);
});

test('a merge that failed is tried again', async () => {
  let tries = 0;
  const short = new ShortChains({
    fits: (lowers) => lowers.length <= 3,
    merge: async () => {
      if (++tries === 1) throw new Error('disk full');
      return 'm';
    },
  });
  await assert.rejects(short.of(ids(4)), /disk full/);
  assert.deepEqual(await short.of(ids(4)), ['m', 'l3']);
});
