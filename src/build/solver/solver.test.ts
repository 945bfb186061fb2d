import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Solver, type SolverEvent } from './solver.ts';
import type { OutcomeCache, Vertex } from './vertex.ts';

class MemoryCache implements OutcomeCache<number> {
  readonly results = new Map<string, number>();
  lookups: string[] = [];
  async lookup(key: string): Promise<number | undefined> {
    this.lookups.push(key);
    return this.results.get(key);
  }
  async record(keys: readonly string[], result: number): Promise<void> {
    for (const key of keys) this.results.set(key, result);
  }
}

let runs: string[] = [];

/** Adds its inputs to `own`. */
function sum(
  id: string,
  own: number,
  inputs: Vertex<number, number>[] = [],
  keys: string[] = [id],
): Vertex<number, number> {
  return {
    id,
    inputs,
    async *keys() {
      yield* keys;
    },
    join: (_inputs, outcome) => outcome,
    async exec(values) {
      runs.push(id);
      await sleep(1);
      return values.reduce((total, value) => total + value, own);
    },
  };
}

function failing(id: string, error: Error): Vertex<number, number> {
  return { ...sum(id, 0), exec: () => Promise.reject(error) };
}

describe('Solver', () => {
  test('a shared input runs once', async () => {
    runs = [];
    const base = sum('base', 1);
    const solver = new Solver(new MemoryCache());
    assert.deepEqual(await solver.solve([sum('a', 10, [base]), sum('b', 20, [base])]), [11, 21]);
    assert.deepEqual(runs.toSorted(), ['a', 'b', 'base']);
  });

  test('vertices that reach one key run once', async () => {
    runs = [];
    const solver = new Solver(new MemoryCache());
    await solver.solve([
      sum('amd64', 1, [], ['def-amd64', 'content']),
      sum('arm64', 1, [], ['def-arm64', 'content']),
    ]);
    assert.equal(runs.length, 1);
  });

  test('a dear key is asked for only when the cheap one missed, and then both lead to the result', async () => {
    const cache = new MemoryCache();
    cache.results.set('content', 7);
    runs = [];
    assert.deepEqual(await new Solver(cache).solve([sum('a', 1, [], ['cheap', 'content'])]), [7]);
    assert.deepEqual(cache.lookups, ['cheap', 'content']);
    cache.lookups = [];
    assert.deepEqual(await new Solver(cache).solve([sum('a', 1, [], ['cheap', 'content'])]), [7]);
    assert.deepEqual(cache.lookups, ['cheap']);
    assert.deepEqual(runs, []);
  });

  test('independent vertices run side by side', async () => {
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waits: Vertex<number, number> = { ...sum('waits', 0), exec: () => gate.then(() => 1) };
    const opens: Vertex<number, number> = {
      ...sum('opens', 0),
      exec: async () => {
        open?.();
        return 2;
      },
    };
    assert.deepEqual(await new Solver(new MemoryCache()).solve([waits, opens]), [1, 2]);
  });

  test('the first failure aborts the others, which end before solve rejects', async () => {
    let ended = false;
    const long: Vertex<number, number> = {
      ...sum('long', 0),
      exec: (_inputs, _key, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            setTimeout(() => {
              ended = true;
              reject(signal.reason);
            }, 5);
          });
        }),
    };
    const broken = new Error('broken');
    await assert.rejects(new Solver(new MemoryCache()).solve([long, failing('f', broken)]), broken);
    assert.equal(ended, true);
  });

  test('a failure is not recorded and its dependents never run', async () => {
    runs = [];
    const cache = new MemoryCache();
    await assert.rejects(new Solver(cache).solve([sum('child', 1, [failing('f', new Error('no'))])]));
    assert.deepEqual(runs, []);
    assert.equal(cache.results.size, 0);
  });

  test('events tell cached from done', async () => {
    const cache = new MemoryCache();
    cache.results.set('a', 1);
    const events: SolverEvent[] = [];
    await new Solver(cache, { onEvent: (event) => events.push(event) }).solve([sum('b', 1, [sum('a', 0)])]);
    assert.deepEqual(
      events.map((event) => `${event.type} ${event.id}`),
      ['vertex-started a', 'vertex-cached a', 'vertex-started b', 'vertex-executing b', 'vertex-done b'],
    );
  });
});
