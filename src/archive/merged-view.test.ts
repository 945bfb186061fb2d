import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MergedView } from './merged-view.ts';
import type { Toc, TocEntry } from './toc.ts';

const base = { mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
const directory = (path: string, mode = 0o755): TocEntry => ({ ...base, path, type: 'directory', mode });
const file = (path: string): TocEntry => ({ ...base, path, type: 'file' });
const link = (path: string, linkname: string): TocEntry => ({ ...base, path, type: 'symlink', linkname });
const layer = (entries: TocEntry[], rest: Partial<Toc> = {}): Toc => ({
  entries,
  whiteouts: [],
  opaque: [],
  ...rest,
});

describe('MergedView', () => {
  test('an upper layer wins, a whiteout hides with everything below', () => {
    const view = new MergedView([
      layer([directory('etc'), file('etc/a'), directory('d'), file('d/x')]),
      layer([directory('etc', 0o700)], { whiteouts: ['d'] }),
    ]);
    assert.equal(view.lookup('etc')?.mode, 0o700);
    assert.equal(view.lookup('etc/a')?.type, 'file');
    assert.equal(view.lookup('d'), undefined);
    assert.equal(view.lookup('d/x'), undefined);
  });

  test('an opaque directory shows only its own layer, whatever the order of its entries', () => {
    const view = new MergedView([
      layer([directory('d'), file('d/old'), directory('d/sub'), file('d/sub/old')]),
      layer([directory('d'), file('d/new')], { opaque: ['d'] }),
    ]);
    assert.deepEqual(view.readdir('d'), ['new']);
    assert.equal(view.lookup('d/sub/old'), undefined);
  });

  test('a file in place of a directory takes its children away', () => {
    const view = new MergedView([layer([directory('d'), file('d/x')]), layer([file('d')])]);
    assert.equal(view.lookup('d/x'), undefined);
  });

  test('a tower of directories goes without a tower of calls', () => {
    const deep = file(Array.from({ length: 12_000 }, () => 'd').join('/'));
    const view = new MergedView([layer([deep]), layer([], { whiteouts: ['d'] })]);
    assert.deepEqual(view.readdir(''), []);
    assert.equal(view.lookup('d/d'), undefined);
  });

  test('parents that an archive leaves out are there', () => {
    const view = new MergedView([layer([file('a/b/c')])]);
    assert.equal(view.lookup('a')?.type, 'directory');
    assert.deepEqual(view.readdir('a'), ['b']);
  });

  test('links are followed inside the root, and never out of it', () => {
    const view = new MergedView([
      layer([
        directory('usr/lib'),
        link('lib', 'usr/lib'),
        link('up', '../../../etc'),
        link('abs', '/lib/x'),
        link('loop', 'loop'),
      ]),
    ]);
    assert.equal(view.resolve('lib/y'), 'usr/lib/y');
    assert.equal(view.resolve('up/passwd'), 'etc/passwd');
    assert.equal(view.resolve('abs'), 'usr/lib/x');
    assert.equal(view.resolve('none/../lib'), 'usr/lib');
    assert.throws(() => view.resolve('loop'), { code: 'NOT_FOUND' });
  });
});
