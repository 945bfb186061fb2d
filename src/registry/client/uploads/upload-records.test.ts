import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import { UploadRecordDirectory } from './upload-records.ts';

test('uploads that begin side by side are all remembered, in a directory that is not there yet', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-records-'));
  try {
    const uploads = join(directory, 'some/where/below/uploads');
    const records = new UploadRecordDirectory(uploads);
    const keys = Array.from({ length: 8 }, (_, number) => ({
      repository: 'host.example/app',
      digest: digestOf(String(number)),
    }));
    await Promise.all(keys.map((key) => records.remember(key, new URL('https://host.example/up'))));
    assert.equal((await readdir(uploads)).length, keys.length);
  } finally {
    await rm(directory, { recursive: true });
  }
});
