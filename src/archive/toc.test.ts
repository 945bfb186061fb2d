import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { parseToc, serialiseToc, type Toc, writeTocFile } from './toc.ts';
import { TocFile } from './toc-file.ts';

const base = { mode: 0o755, uid: 0, gid: 0, size: 1, mtime: 7 };
const toc: Toc = {
  entries: [
    { ...base, path: 'bin', type: 'directory' },
    {
      ...{ ...base, path: 'bin/ping', type: 'file' },
      xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2, 255])]]),
    },
    { ...base, path: 'bin/\xe9\n', type: 'file' },
  ],
  whiteouts: ['gone'],
  opaque: ['d'],
};

describe('a table of contents', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-toc-'));
  const path = join(directory, 'toc');
  after(() => rmSync(directory, { recursive: true }));

  test('reads back as it was written, also one that another thread made', () => {
    assert.deepEqual(parseToc(serialiseToc(toc), 'it'), toc);
    assert.deepEqual(parseToc(serialiseToc(structuredClone(toc)), 'it'), toc);
  });

  test('tells single names from its file, wherever they are in it', async () => {
    const entries = Array.from({ length: 1000 }, (_, n) => ({
      ...base,
      path: `f${n}`,
      type: 'file' as const,
    }));
    await writeTocFile(path, { ...toc, entries: [...toc.entries, ...entries] });
    const file = await TocFile.open(path);
    for (const entry of [...toc.entries, ...entries]) assert.deepEqual(file.lookup(entry.path), entry);
    for (const absent of ['', 'a', 'bin/p', 'f1000', 'z']) assert.equal(file.lookup(absent), undefined);
    assert.equal(file.nextPath(''), 'bin');
    assert.equal(file.nextPath('bin/'), 'bin/ping');
    assert.equal(file.nextPath('f999\0'), undefined);
    assert.deepEqual([...file.whiteouts, ...file.opaque], ['gone', 'd']);
  });

  test('is refused when it is torn, of an earlier form, or not there', async () => {
    const bytes = serialiseToc(toc);
    await writeTocFile(path, toc);
    for (const length of [bytes.length - 1, 30, 0]) {
      truncateSync(path, length);
      await assert.rejects(TocFile.open(path), { code: 'ARCHIVE' });
      assert.throws(() => parseToc(bytes.subarray(0, length), 'it'), { code: 'ARCHIVE' });
    }
    writeFileSync(path, '{"version":1,"entries":[],"whiteouts":[],"opaque":[]}\n');
    await assert.rejects(TocFile.open(path), { code: 'ARCHIVE', message: /version 1/ });
    await assert.rejects(TocFile.open(join(directory, 'none')), { code: 'NOT_FOUND' });
  });
});
