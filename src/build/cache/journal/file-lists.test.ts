import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../../lib/digest.ts';
import { FileLists } from './file-lists.ts';

test('two lists are compared by name and state', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-lists-'));
  try {
    const lists = new FileLists(directory);
    const [old, now, none] = [digestOf('old'), digestOf('now'), digestOf('none')];
    const newline = 'with\na newline';
    const umlaut = Buffer.from('ü').toString('latin1');
    await lists.write(old, () => [
      { path: 'a', state: '1' },
      { path: 'b', state: '1' },
      { path: newline, state: '1' },
      { path: umlaut, state: '1' },
    ]);
    await lists.write(now, () => [
      { path: 'a', state: '1' },
      { path: 'c', state: '1' },
      { path: newline, state: '2' },
    ]);
    await lists.write(none, () => []);
    assert.deepEqual(await lists.compare(old, now), [
      { path: 'c', change: 'added' },
      { path: newline, change: 'changed' },
      { path: 'b', change: 'removed' },
      { path: 'ü', change: 'removed' },
    ]);
    assert.equal((await lists.compare(none, now))?.length, 3);
    assert.equal(await lists.compare(digestOf('unknown'), now), undefined);
    assert.equal(await lists.compare('../../etc/passwd', now), undefined);
  } finally {
    await rm(directory, { recursive: true });
  }
});
