import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseToc, serialiseToc, type Toc } from './toc.ts';

const toc: Toc = {
  entries: [
    {
      ...{ path: 'bin/ping', type: 'file', mode: 0o755, uid: 0, gid: 0, size: 1, mtime: 7 },
      xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2, 255])]]),
    },
  ],
  whiteouts: ['gone'],
  opaque: ['d'],
};

test('a table of contents reads back as it was written, also one that another thread made', () => {
  assert.deepEqual(parseToc(serialiseToc(toc), 'it'), toc);
  assert.deepEqual(parseToc(serialiseToc(structuredClone(toc)), 'it'), toc);
});
