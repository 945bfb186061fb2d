import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTrees } from '../../../test/fixtures/small-trees.ts';
import { type MergedLayer, type MergeOptions, mergeLayers } from './merge-layers.ts';
import { loadSyscalls } from './syscalls.ts';

const owners = process.getuid?.() === 0 ? 'kept' : 'lost';
const options = (files: MergeOptions['files']): MergeOptions => ({ marks: 'names', owners, files });
const layer = (directory: string): MergedLayer => ({ directory, impliedRoot: false });

for (const files of ['link', 'copy'] as const) {
  test(`the layer above wins, marks take away, nothing else is lost: ${files}`, () =>
    withTrees(async ({ root, make, names }) => {
      const layers = [
        make('one', { 'a/x': '1', 'a/y': '1', 'b/z': '1', f: '1', d: '1', l: { symlink: 'f' } }),
        make('two', {
          'a/.wh.x': '',
          'b/.wh..wh..opq': '',
          'b/new': '2',
          '.wh.f': '',
          'd/now': '2',
          'a/y': '2',
        }),
      ];
      const target = make('target', {});
      await mergeLayers(layers.map(layer), target, options(files));
      assert.deepEqual(names(target), ['a', 'a/y', 'b', 'b/new', 'd', 'd/now', 'l']);
      assert.equal(readFileSync(join(target, 'a/y'), 'utf8'), '2');
      assert.equal(readlinkSync(join(target, 'l')), 'f');
      assert.ok(existsSync(join(root, 'one/a/x')), 'the layer itself stays');
    }));
}

test('a file of two names stays one file, and is not the layer’s own', () =>
  withTrees(async ({ root, make }) => {
    const target = make('target', {});
    await mergeLayers([layer(make('one', { x: 'text', y: { hardlink: 'x' } }))], target, options('copy'));
    const [x, y] = ['x', 'y'].map((name) => lstatSync(join(target, name), { bigint: true }));
    assert.equal(x?.ino, y?.ino);
    assert.notEqual(x?.ino, lstatSync(join(root, 'one/x'), { bigint: true }).ino);
    writeFileSync(join(target, 'x'), 'changed');
    assert.equal(readFileSync(join(root, 'one/x'), 'utf8'), 'text');
  }));

test('holes of a file stay holes: zeros that took no room in a layer take none in its copies', () =>
  withTrees(async ({ root, make }) => {
    const one = make('one', { x: '' });
    truncateSync(join(root, 'one/x'), 3 * 1024 * 1024);
    writeFileSync(join(root, 'one/x'), 'end', { flag: 'a' });
    const target = make('target', {});
    await mergeLayers([layer(one)], target, options('copy'));
    const copy = join(target, 'x');
    assert.ok(readFileSync(copy).equals(readFileSync(join(root, 'one/x'))));
    assert.ok(lstatSync(copy).blocks * 512 < 1024 * 1024, `${lstatSync(copy).blocks} blocks`);
  }));

test('attributes that a union file system would act on are none of a layer’s', () =>
  withTrees(async ({ root, make }) => {
    const calls = await loadSyscalls();
    const one = make('one', { x: '1' });
    const names = [
      'user.overlay.opaque',
      'user.fuseoverlayfs.opaque',
      'user.containers.override_stat',
      'user.mine',
    ];
    for (const name of names) calls.setXattr(join(root, 'one/x'), name, Buffer.from('y'));
    const target = make('target', {});
    await mergeLayers([layer(one)], target, options('copy'));
    assert.deepEqual(calls.listXattrs(join(target, 'x')), ['user.mine']);
  }));

test('links are the layer’s own files', () =>
  withTrees(async ({ root, make }) => {
    const target = make('target', {});
    await mergeLayers([layer(make('one', { x: 'text' }))], target, options('link'));
    assert.equal(
      lstatSync(join(target, 'x'), { bigint: true }).ino,
      lstatSync(join(root, 'one/x'), { bigint: true }).ino,
    );
  }));

test('modes and times are the topmost layer’s, also of directories that nobody may write to', () =>
  withTrees(async ({ make, set }) => {
    const one = make('one', { 'd/x': '1' });
    const two = make('two', { 'd/y': '2' });
    set('one/d', { mode: 0o755, seconds: 1000 });
    set('two/d/y', { mode: 0o640, seconds: 3000 });
    set('two/d', { mode: 0o555, seconds: 2000 });
    const target = make('target', {});
    await mergeLayers([layer(one), layer(two)], target, options('copy'));
    const [directory, file] = ['d', 'd/y'].map((name) => lstatSync(join(target, name)));
    assert.deepEqual([(directory?.mode ?? 0) & 0o7777, directory?.mtimeMs], [0o555, 2_000_000]);
    assert.deepEqual([(file?.mode ?? 0) & 0o7777, file?.mtimeMs], [0o640, 3_000_000]);
  }));

test('a root that a layer only implies leaves the one below', () =>
  withTrees(async ({ make, set }) => {
    const one = make('one', {});
    const two = make('two', { x: '' });
    set('one', { mode: 0o711, seconds: 1000 });
    set('two', { mode: 0o700, seconds: 2000 });
    const target = make('target', {});
    await mergeLayers([layer(one), { directory: two, impliedRoot: true }], target, options('copy'));
    assert.equal(lstatSync(target).mode & 0o7777, 0o711);
  }));
