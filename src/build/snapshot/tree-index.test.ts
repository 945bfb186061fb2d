import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTrees } from '../../../test/fixtures/small-trees.ts';
import { indexTree, readTreeIndex, TreeIndexWriter } from './tree-index.ts';

test('a scan knows every file, each directory before what is in it, and follows no link', () =>
  withTrees(async ({ root, make }) => {
    make('outside', { secret: '' });
    const tree = make('tree', { 'a/b/c': 'text', d: '', l: { symlink: '../outside' } });
    const index = readTreeIndex(indexTree(tree));
    assert.deepEqual([...index.keys()].sort(), ['a', 'a/b', 'a/b/c', 'd', 'l']);
    const paths = [...index.keys()];
    assert.ok(paths.indexOf('a') < paths.indexOf('a/b') && paths.indexOf('a/b') < paths.indexOf('a/b/c'));
    const { size, ino, mtimeNs, ctimeNs } = lstatSync(join(root, 'tree/a/b/c'), { bigint: true });
    const stamp = index.get('a/b/c');
    assert.deepEqual(
      [stamp?.size, stamp?.ino, stamp?.mtimeNs, stamp?.ctimeNs],
      [size, ino, mtimeNs, ctimeNs],
    );
  }));

test('nothing is nothing, and thousands of files are all kept', () =>
  withTrees(async ({ make }) => {
    assert.equal(readTreeIndex(indexTree(make('empty', {}))).size, 0);
    const stats = lstatSync('/', { bigint: true });
    const writer = new TreeIndexWriter();
    for (let number = 0; number < 5000; number++)
      writer.add(`f${number}`, { ...stats, ino: BigInt(number) } as typeof stats);
    const index = readTreeIndex(writer.finish());
    assert.equal(index.size, 5000);
    assert.equal(index.get('f4321')?.ino, 4321n);
  }));
