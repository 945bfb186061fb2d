import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeResultFile } from './write-result-file.ts';

test('a file that an option names is written whole; a FIFO that nobody reads is an error', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-result-'));
  try {
    const [file, pipe] = [join(directory, 'file'), join(directory, 'pipe')];
    for (const text of ['a longer text', 'short']) {
      await writeResultFile('--digest-file', file, text);
      assert.equal(await readFile(file, 'utf8'), text);
    }
    await writeResultFile('--digest-file', '/dev/null', 'text');
    execFileSync('mkfifo', [pipe]);
    const refused = { code: 'USAGE', message: /nobody reads$/, hint: '--digest-file FILE' };
    await assert.rejects(writeResultFile('--digest-file', pipe, 'text'), refused);
    await assert.rejects(writeResultFile('--digest-file', join(directory, 'none', 'file'), 'text'), {
      code: 'USAGE',
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
