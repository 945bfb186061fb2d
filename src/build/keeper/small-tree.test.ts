import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isSmallTree } from './small-tree.ts';

test('few names with few bytes are small', () => {
  const root = mkdtempSync(join(tmpdir(), 'polyarch-small-'));
  try {
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'a/b/c'), 'four');
    assert.equal(isSmallTree(root), true);
    assert.equal(isSmallTree(root, { entries: 2, bytes: 100 }), false);
    assert.equal(isSmallTree(root, { entries: 3, bytes: 3 }), false);
    assert.equal(isSmallTree(root, { entries: 3, bytes: 4 }), true);
    truncateSync(join(root, 'a/b/c'), 1024 ** 3);
    assert.equal(isSmallTree(root), false);
    assert.equal(isSmallTree(join(root, 'none')), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});
