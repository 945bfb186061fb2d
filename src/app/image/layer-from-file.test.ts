import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeHeader } from '../../archive/tar-header.ts';
import { layerFromFile } from './layer-from-file.ts';

test('a layer may come through a pipe, and is the same as from a file', { timeout: 30_000 }, async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'polyarch-layer-'));
  try {
    const [file, pipe] = [join(scratch, 'file.tar'), join(scratch, 'pipe')];
    const header = { path: 'a', type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 0 } as const;
    const tar = Buffer.concat([encodeHeader(header), Buffer.alloc(1024)]);
    await writeFile(file, tar);
    execFileSync('mkfifo', [pipe]);
    const writing = writeFile(pipe, tar);
    const [piped] = await Promise.all([layerFromFile(pipe, scratch), writing]);
    const { path: _file, ...expected } = await layerFromFile(file, scratch);
    const { path: _pipe, ...layer } = piped;
    assert.deepEqual(layer, expected);
    await assert.rejects(layerFromFile(join(scratch, 'none'), scratch), { code: 'NOT_FOUND' });
    await assert.rejects(layerFromFile(scratch, scratch), { code: 'STORE' });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
});
