import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readInRoot, resolveInRoot } from './rooted-path.ts';

describe('paths in a hostile root', () => {
  let scratch: string;
  let root: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-rooted-'));
    root = join(scratch, 'root');
    mkdirSync(join(root, 'etc'), { recursive: true });
    mkdirSync(join(root, 'real'));
    writeFileSync(join(scratch, 'secret'), 'outside');
    writeFileSync(join(root, 'real/passwd'), 'inside');
    symlinkSync('../../../secret', join(root, 'etc/up'));
    symlinkSync(join(scratch, 'secret'), join(root, 'etc/absolute'));
    symlinkSync('../real/passwd', join(root, 'etc/passwd'));
    symlinkSync('loop', join(root, 'loop'));
    symlinkSync('/etc', join(root, 'dir'));
  });
  after(() => rmSync(scratch, { recursive: true }));

  test('links are followed with the root as /', () => {
    assert.equal(resolveInRoot(root, '/etc/passwd'), 'real/passwd');
    assert.equal(resolveInRoot(root, 'dir/passwd'), 'real/passwd');
    assert.equal(resolveInRoot(root, '/etc/up'), 'secret');
    assert.equal(resolveInRoot(root, '/../../x/./y//'), 'x/y');
    assert.equal(resolveInRoot(root, '/'), '');
  });

  test('nothing outside is read', () => {
    assert.equal(readInRoot(root, '/etc/passwd', 100), 'inside');
    for (const path of ['/etc/up', '/etc/absolute', '/../secret', '/etc', '/none'])
      assert.equal(readInRoot(root, path, 100), undefined, path);
  });

  test('loops and large files are refused', () => {
    assert.throws(() => resolveInRoot(root, '/loop/x'), { code: 'SANDBOX' });
    assert.throws(() => readInRoot(root, '/real/passwd', 3), { code: 'LIMIT' });
  });
});
