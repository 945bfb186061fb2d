import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { digestOf } from '../../lib/digest.ts';
import { loadMountCalls } from '../snapshot/mount-calls.ts';
import { StepClaims } from './step-claims.ts';

describe('steps that builds of one machine run', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-claims-'));
  after(() => rmSync(directory, { recursive: true }));
  const make = () => new StepClaims({ directory, loadTryLock: async () => (await loadMountCalls()).tryLock });
  const { signal } = new AbortController();
  const [key, other] = [digestOf('a step'), digestOf('another')];
  const silent = () => assert.fail('it waits');

  test('are waited for until they are recorded, by one after the other; others are not', async () => {
    const [first, second, third] = [make(), make(), make()];
    assert.equal(await first.claim(key, silent, { signal }), false);
    assert.equal(await second.claim(other, silent, { signal }), false);
    const order: string[] = [];
    const waiting = [second, third].map((claims) =>
      claims
        .claim(key, () => order.push('waits'), { signal })
        .then((waited) => {
          assert.ok(waited);
          order.push('has it');
          claims.release([key]);
        }),
    );
    while (order.length < 2) await new Promise(setImmediate);
    first.release(['passing:x', key]);
    await Promise.all(waiting);
    assert.deepEqual(order, ['waits', 'waits', 'has it', 'has it']);
    second.releaseAll();
    assert.deepEqual(readdirSync(directory), []);
  });

  test('that killed builds left are nobody’s, and are taken away', async () => {
    writeFileSync(join(directory, 'left'), '');
    const claims = make();
    await claims.claim(key, silent, { signal });
    assert.equal(readdirSync(directory).length, 1);
    claims.releaseAll();
  });

  test('are given up when the build is', async () => {
    const [first, second] = [make(), make()];
    await first.claim(key, silent, { signal });
    const stop = new AbortController();
    await assert.rejects(second.claim(key, () => stop.abort(), { signal: stop.signal }));
    first.releaseAll();
  });

  test('are nobody’s where nothing can be locked', async () => {
    const claims = new StepClaims({
      directory: join(directory, 'x'),
      loadTryLock: () => Promise.reject(new Error()),
    });
    assert.equal(await claims.claim(key, silent, { signal }), false);
  });
});
