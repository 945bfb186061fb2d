import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRegular } from './open-regular.ts';
import { readFileWithin, readRegularWithin } from './read-file-within.ts';

test('a pipe that the process was started with is read to its end', () => {
  const script = `import { readFileWithin } from ${JSON.stringify(new URL('./read-file-within.ts', import.meta.url).href)};
    for (const path of ['/dev/stdin', '/dev/fd/3']) process.stdout.write(await readFileWithin(path, 9));`;
  const command = 'echo in | "$0" --input-type=module -e "$1" 3< <(echo fd)';
  assert.equal(
    execFileSync('bash', ['-c', command, process.execPath, script], { encoding: 'utf8' }),
    'in\nfd\n',
  );
});

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
    await assert.rejects(readFileWithin(pipe, 1), {
      code: 'STORE',
      message: /it is a FIFO, whose other end/,
    });
    assert.equal((await readFileWithin('/dev/null', 1)).length, 0);
    for (const path of [pipe, directory, '/dev/zero']) {
      await assert.rejects(readRegularWithin(path, 1), { code: 'STORE', message: /not a file$/ });
      await assert.rejects(openRegular(path), { code: 'STORE', message: /not a file$/ });
    }
    await assert.rejects(readRegularWithin(join(directory, 'none'), 1), { code: 'ENOENT' });
    assert.equal((await readRegularWithin(path, 70_000)).length, 70_000);
  } finally {
    await rm(directory, { recursive: true });
  }
});
