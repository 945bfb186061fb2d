import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeFileAtomic } from './atomic-file.ts';

test('a file has its old bytes or its new ones, and nothing is left of what failed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-atomic-'));
  const path = join(directory, 'file');
  const controller = new AbortController();
  async function* pieces(end: () => void): AsyncGenerator<Buffer> {
    yield Buffer.from('new ');
    end();
    yield Buffer.from('bytes');
  }
  const fail = (): never => {
    throw new Error('the source broke');
  };
  try {
    await writeFileAtomic(path, 'old', { mode: 0o600 });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await assert.rejects(writeFileAtomic(path, pieces(fail)), /the source broke/);
    const { signal } = controller;
    await assert.rejects(
      writeFileAtomic(
        path,
        pieces(() => controller.abort()),
        { signal },
      ),
      { name: 'AbortError' },
    );
    assert.deepEqual(await readdir(directory), ['file']);
    assert.equal(await readFile(path, 'utf8'), 'old');
    await writeFileAtomic(
      path,
      pieces(() => {}),
    );
    assert.equal(await readFile(path, 'utf8'), 'new bytes');
    assert.deepEqual(await readdir(directory), ['file']);
  } finally {
    await rm(directory, { recursive: true });
  }
});
