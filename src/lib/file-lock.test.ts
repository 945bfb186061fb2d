import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { withFileLock } from './file-lock.ts';
import { livenessOf, processToken } from './process-identity.ts';

async function withLockPath(work: (path: string, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-lock-'));
  try {
    await work(join(directory, 'lock'), directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** This process's token with another start time: what a process of the same number left before. */
function deadToken(): string {
  return processToken().replace(/^(\d+)\.\d+/, '$1.1');
}

function foreignToken(): string {
  return processToken().replace(/\.[0-9a-f]+\.([0-9a-f]{12})$/, '.0123456789abcdef.$1');
}

describe('a process token', () => {
  test('tells the living from the dead and from those that nobody here can judge', () => {
    assert.equal(livenessOf(processToken()), 'alive');
    assert.equal(livenessOf(deadToken()), 'dead');
    assert.equal(livenessOf(foreignToken()), 'unknown');
    assert.equal(livenessOf('no token'), undefined);
    assert.notEqual(processToken(), processToken());
  });
});

describe('the file lock', () => {
  test('lets one in at a time, first come first served, and leaves nothing', () =>
    withLockPath(async (path, directory) => {
      const order: string[] = [];
      const work = (name: string) => async () => {
        order.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 2));
        order.push(`${name} out`);
      };
      await Promise.all(['a', 'b', 'c'].map((name) => withFileLock(path, work(name))));
      assert.deepEqual(order, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
      assert.deepEqual(await readdir(directory), []);
    }));

  test('is free again after an error', () =>
    withLockPath(async (path) => {
      const failing = withFileLock(path, () => Promise.reject(new Error('it failed')));
      await assert.rejects(failing, { message: 'it failed' });
      assert.equal(await withFileLock(path, async () => 'free'), 'free');
    }));

  test('is taken over from the dead and from a torn file', () =>
    withLockPath(async (path, directory) => {
      for (const left of [deadToken(), '']) {
        await writeFile(path, left);
        assert.equal(await withFileLock(path, async () => 'taken'), 'taken');
      }
      // Killed while it took over another's lock: the take-over's own lock is taken over too.
      const dead = deadToken();
      await writeFile(path, dead);
      await writeFile(`${path}.${dead.slice(-12)}`, deadToken());
      assert.equal(await withFileLock(path, async () => 'taken'), 'taken');
      assert.deepEqual(await readdir(directory), []);
    }));

  test('waits for a holder that nobody here can judge, until it is old', () =>
    withLockPath(async (path) => {
      await writeFile(path, foreignToken());
      const waiting = withFileLock(path, async () => 'in', { waitMillis: 30 });
      await assert.rejects(waiting, { code: 'STORE', retryable: true });
      const old = Date.now() / 1000 - 60;
      await utimes(path, old, old);
      assert.equal(await withFileLock(path, async () => 'in'), 'in');
    }));

  test('whose holder was taken for dead is not taken from the next', () =>
    withLockPath(async (path) => {
      const next = foreignToken();
      await withFileLock(path, async () => await writeFile(path, next));
      assert.equal(await readFile(path, 'utf8'), next);
    }));

  test('shows that its holder lives, however long it works', (t) =>
    withLockPath(async (path) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      await withFileLock(path, async () => {
        await utimes(path, 1, 1);
        t.mock.timers.tick(5_000);
        while ((await stat(path)).mtimeMs < 2000) await new Promise((resolve) => setImmediate(resolve));
      });
    }));

  test('stops waiting when it is aborted', () =>
    withLockPath(async (path) => {
      await writeFile(path, foreignToken());
      const signal = AbortSignal.timeout(20);
      await assert.rejects(
        withFileLock(path, async () => 'in', { signal }),
        { code: 'INTERRUPTED' },
      );
    }));
});
