import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LayerWriter } from '../../src/archive/layer-writer.ts';
import { LayerWorkers } from '../../src/build/keeper/layer-workers.ts';

test('layers are extracted in threads at the same time', {
  skip: availableParallelism() < 2 && 'needs two processors',
}, async () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-workers-'));
  const writers: FileHandle[] = [];
  try {
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const layer = await LayerWriter.create(join(scratch, 'layer'));
    await layer.add(
      { ...owner, path: 'file', type: 'file', mode: 0o644, size: 1, mtime: 1 },
      Buffer.from('x'),
    );
    const { diffId } = await layer.finish();
    const bytes = readFileSync(join(scratch, 'layer'));
    const workers = new LayerWorkers();
    const { signal } = new AbortController();
    const jobs = ['a', 'b'].map((name) => {
      const [blob, directory] = [join(scratch, `${name}.pipe`), join(scratch, name)];
      execFileSync('mkfifo', [blob]);
      mkdirSync(directory);
      const format = { marks: 'names', owners: 'kept' } as const;
      const done = workers.run({ kind: 'extract', blob, diffId, directory, format }, signal, {
        inline: false,
      });
      return { blob, directory, done };
    });
    // A pipe opens for writing when somebody reads it: both are read, before either has come to its end.
    for (const { blob } of jobs) writers.push(await open(blob, 'w'));
    for (const writer of writers.toReversed()) {
      await writer.write(bytes);
      await writer.close();
    }
    await Promise.all(jobs.map(({ done }) => done));
    for (const { directory } of jobs) assert.ok(existsSync(join(directory, 'file')));
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
