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

function untilAborted(id: string): Vertex<number, number> {
  return {
    ...sum(id, 0, [], []),
    exec: (_inputs, _key, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  };
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
      [
        'vertex-started a',
        'vertex-cached a',
        'vertex-started b',
        'vertex-missed b',
        'vertex-executing b',
        'vertex-done b',
      ],
    );
  });

  test('a vertex that no cache could have is not told to have missed it', async () => {
    const events: string[] = [];
    const vertex: Vertex<number, number> = { ...sum('base', 1), async *keys() {} };
    const onEvent = ({ type }: SolverEvent) => events.push(type);
    await new Solver(new MemoryCache(), { onEvent }).solve([vertex]);
    assert.deepEqual(events, ['vertex-started', 'vertex-done']);
  });

  test('a failure ends at once what is under way beside it below one target', async () => {
    const long = untilAborted('long');
    const both = sum('both', 0, [long, failing('f', new Error('broken'))]);
    const ends: string[] = [];
    const onEvent = ({ type, id }: SolverEvent) => /failed|canceled/.test(type) && ends.push(`${type} ${id}`);
    await assert.rejects(new Solver(new MemoryCache(), { onEvent }).solve([both]), /broken/);
    assert.deepEqual(ends.sort(), ['vertex-canceled long', 'vertex-failed f']);
  });

  test('a target that may fail is left out: what it alone needs is aborted, what others need goes on', async () => {
    runs = [];
    const shared = sum('shared', 1);
    const broken = new Error('broken');
    const optional = sum('optional', 0, [shared, untilAborted('long'), failing('f', broken)]);
    const [kept, lost] = await new Solver(new MemoryCache()).settle([
      { vertex: sum('required', 10, [shared]) },
      { vertex: optional, mayFail: () => true },
    ]);
    assert.deepEqual(kept, { status: 'fulfilled', value: 11 });
    assert.deepEqual(lost, { status: 'rejected', reason: broken });
    assert.deepEqual(runs.toSorted(), ['required', 'shared']);
  });

  test('a failure that a required target needs too, or that may not happen, ends all', async () => {
    const broken = new Error('broken');
    const bad = failing('f', broken);
    const solver = () => new Solver(new MemoryCache());
    const optional = { vertex: sum('optional', 0, [bad]), mayFail: () => true };
    await assert.rejects(solver().settle([optional, { vertex: sum('required', 0, [bad]) }]), broken);
    await assert.rejects(solver().settle([{ ...optional, mayFail: () => false }]), broken);
  });

  test('work that is abandoned with a target is done by another that waits for its key', async () => {
    runs = [];
    const abandoned = { ...untilAborted('abandoned'), keys: sum('', 0, [], ['key']).keys };
    const waiting = sum('waiting', 5, [sum('before', 0)], ['key']);
    const late: Vertex<number, number> = {
      ...sum('late', 0, [], []),
      exec: () => sleep(20).then(() => Promise.reject(new Error('broken'))),
    };
    const [kept, lost] = await new Solver(new MemoryCache()).settle([
      { vertex: waiting },
      { vertex: sum('optional', 0, [abandoned, late]), mayFail: () => true },
    ]);
    assert.deepEqual(kept, { status: 'fulfilled', value: 5 });
    assert.equal(lost?.status, 'rejected');
    assert.deepEqual(runs, ['before', 'waiting']);
  });

  test('no more than the given number is executed at a time, and cached ones take no place', async () => {
    const cache = new MemoryCache();
    cache.results.set('found', 1);
    for (const parallel of [1, 2]) {
      let now = 0;
      let most = 0;
      const counted = (id: string): Vertex<number, number> => ({
        ...sum(id, 0, [], []),
        exec: async () => {
          most = Math.max(most, ++now);
          await sleep(1);
          return --now;
        },
      });
      const all = ['a', 'b', 'c', 'd'].map(counted);
      await new Solver(cache, { parallel }).solve([...all, sum('found', 0)]);
      assert.equal(most, parallel);
    }
  });
});
