import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFileWithin } from './read-file-within.ts';

test('a file is read up to a limit, also one that has no size and no end', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-read-'));
  try {
    const path = join(directory, 'file');
    for (const content of ['', 'x', 'x'.repeat(70_000)]) {
      await writeFile(path, content);
      assert.equal(String(await readFileWithin(path, 70_000)), content);
    }
    await assert.rejects(readFileWithin(path, 69_999), { code: 'LIMIT' });
    await assert.rejects(readFileWithin('/dev/zero', 100_000), { code: 'LIMIT' });
    assert.match(String(await readFileWithin('/proc/self/status', 100_000)), /^Name:/);
    await assert.rejects(readFileWithin(join(directory, 'none'), 1), { code: 'ENOENT' });
    await assert.rejects(readFileWithin(directory, 1), { code: 'EISDIR' });
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [piped] = await Promise.all([readFileWithin(pipe, 70_000), writeFile(pipe, 'x'.repeat(70_000))]);
    assert.equal(piped.length, 70_000);
  } finally {
    await rm(directory, { recursive: true });
  }
});
