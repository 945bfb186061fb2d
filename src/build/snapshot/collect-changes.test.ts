import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type SmallFile, withTrees } from '../../../test/fixtures/small-trees.ts';
import { collectChanges } from './collect-changes.ts';
import { mergeLayers } from './merge-layers.ts';
import { indexTree, readTreeIndex } from './tree-index.ts';

const format = { marks: 'names', owners: process.getuid?.() === 0 ? 'kept' : 'lost' } as const;
/** Files' times come from a clock that moves in steps of up to 10 ms. */
const clockMilliseconds = 12;

interface Changed {
  readonly upper: string;
  readonly names: readonly string[];
  readonly read: (path: string) => string;
  /** Whether the scan that was handed back is that of the tree as it is. */
  readonly isScanned: boolean;
}

/** What is collected when `change` has worked in a copy of a layer. */
async function changesOf(
  files: Readonly<Record<string, SmallFile>>,
  change: (tree: string) => void,
  check: (changed: Changed) => void,
): Promise<void> {
  await withTrees(async ({ make, names }) => {
    const layer = make('layer', files);
    const [tree, upper] = [make('tree', {}), make('upper', {})];
    await mergeLayers([{ directory: layer, impliedRoot: false }], tree, { ...format, files: 'copy' });
    const before = indexTree(tree);
    await setTimeout(clockMilliseconds);
    change(tree);
    const after = await collectChanges(tree, upper, { before, lowers: [layer], ...format });
    const [found, expected] = [readTreeIndex(after), readTreeIndex(indexTree(tree))];
    const sorted = (index: typeof found) => [...index].sort(([a], [b]) => (a < b ? -1 : 1));
    check({
      upper,
      names: names(upper),
      read: (path) => readFileSync(join(upper, path), 'utf8'),
      isScanned:
        String(sorted(found).map(([path, { ino }]) => [path, ino])) ===
        String(sorted(expected).map(([path, { ino }]) => [path, ino])),
    });
  });
}

test('nothing changed, nothing collected', () =>
  changesOf(
    { 'd/f': '1', l: { symlink: 'd' } },
    () => {},
    ({ names }) => assert.deepEqual(names, []),
  ));

test('what is new, changed and gone, with the directories on the way', () =>
  changesOf(
    { 'd/e/f': '1', 'd/g': '1', 'h/i': '1', kept: '1' },
    (tree) => {
      writeFileSync(join(tree, 'd/e/f'), '2');
      rmSync(join(tree, 'd/g'));
      rmSync(join(tree, 'h'), { recursive: true });
      mkdirSync(join(tree, 'new'));
      symlinkSync('elsewhere', join(tree, 'new/link'));
    },
    ({ names, read, upper, isScanned }) => {
      assert.deepEqual(names, ['.wh.h', 'd', 'd/.wh.g', 'd/e', 'd/e/f', 'new', 'new/link']);
      assert.equal(read('d/e/f'), '2');
      assert.equal(readlinkSync(join(upper, 'new/link')), 'elsewhere');
      assert.ok(isScanned);
    },
  ));

test('the same bytes written again at the same time are no change; other bytes are', () => {
  const rewrite = (text: string) => (tree: string) => {
    const { atime, mtime } = lstatSync(join(tree, 'f'));
    writeFileSync(join(tree, 'f'), text);
    utimesSync(join(tree, 'f'), atime, mtime);
  };
  const files = { f: '1234' };
  return withSeconds(files, rewrite('1234'), []).then(() => withSeconds(files, rewrite('4321'), ['f']));
});

/** As `changesOf`, with whole seconds, which utimes(2) of Node gives back exactly. */
async function withSeconds(
  files: Readonly<Record<string, SmallFile>>,
  change: (tree: string) => void,
  expected: readonly string[],
): Promise<void> {
  await withTrees(async ({ make, names, set }) => {
    const layer = make('layer', files);
    for (const name of Object.keys(files)) set(`layer/${name}`, { mode: 0o644, seconds: 1000 });
    const [tree, upper] = [make('tree', {}), make('upper', {})];
    await mergeLayers([{ directory: layer, impliedRoot: false }], tree, { ...format, files: 'copy' });
    const before = indexTree(tree);
    await setTimeout(clockMilliseconds);
    change(tree);
    await collectChanges(tree, upper, { before, lowers: [layer], ...format });
    assert.deepEqual(names(upper), expected);
  });
}

test('another mode, another kind, another name', () =>
  changesOf(
    { mode: '1', kind: '1', 'directory/f': '1', name: '1' },
    (tree) => {
      chmodSync(join(tree, 'mode'), 0o600);
      rmSync(join(tree, 'kind'));
      mkdirSync(join(tree, 'kind'));
      rmSync(join(tree, 'directory'), { recursive: true });
      writeFileSync(join(tree, 'directory'), 'a file now');
      renameSync(join(tree, 'name'), join(tree, 'renamed'));
    },
    ({ names, upper }) => {
      assert.deepEqual(names, ['.wh.name', 'directory', 'kind', 'mode', 'renamed']);
      assert.equal(lstatSync(join(upper, 'mode')).mode & 0o777, 0o600);
      assert.ok(lstatSync(join(upper, 'kind')).isDirectory());
    },
  ));

test('a file of several names is collected under all of them, once one is changed or new', () => {
  const files = { 'a/one': '1', 'b/two': { hardlink: 'a/one' } };
  const together = ({ names, upper }: Changed): void => {
    assert.ok(names.includes('a/one') && names.includes('b/two'));
    const inode = (path: string): bigint => lstatSync(join(upper, path), { bigint: true }).ino;
    assert.equal(inode('a/one'), inode('b/two'));
  };
  return changesOf(files, (tree) => writeFileSync(join(tree, 'a/one'), '2'), together).then(() =>
    changesOf(
      files,
      (tree) => linkSync(join(tree, 'a/one'), join(tree, 'three')),
      (changed) => {
        together(changed);
        assert.ok(changed.names.includes('three'));
      },
    ),
  );
});

test('a name that is left of several is no change', () =>
  changesOf(
    { one: '1', two: { hardlink: 'one' } },
    (tree) => rmSync(join(tree, 'one')),
    ({ names }) => assert.deepEqual(names, ['.wh.one']),
  ));

test('names that layers keep for their marks are refused', async () => {
  await assert.rejects(
    changesOf(
      {},
      (tree) => writeFileSync(join(tree, '.wh.x'), ''),
      () => {},
    ),
    { code: 'UNSUPPORTED' },
  );
});
