import assert from 'node:assert/strict';
import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withTrees } from '../../../test/fixtures/small-trees.ts';
import { isMarkName, layerMarks } from './layer-marks.ts';
import { loadSyscalls } from './syscalls.ts';

const at = (layer: string, path: string): Stats | undefined =>
  lstatSync(join(layer, path), { throwIfNoEntry: false });

for (const format of ['names', 'both'] as const) {
  test(`${format}: what is marked reads as marked`, () =>
    withTrees(async ({ make, names }) => {
      const marks = layerMarks(format, await loadSyscalls());
      const layer = make('layer', { 'd/kept': '', 'e/f': '' });
      marks.makeWhiteout(layer, 'd/gone');
      marks.makeWhiteout(layer, 'top');
      marks.makeOpaque(layer, 'e');
      assert.deepEqual(names(layer), ['.wh.top', 'd', 'd/.wh.gone', 'd/kept', 'e', 'e/.wh..wh..opq', 'e/f']);
      const hides = (path: string): boolean => marks.hides(layer, path, at(layer, path));
      assert.deepEqual(['d/gone', 'top', 'd/kept', 'd/other', 'e/f'].map(hides), [
        true,
        true,
        false,
        false,
        false,
      ]);
      assert.deepEqual([marks.isOpaque(layer, 'd'), marks.isOpaque(layer, 'e')], [false, true]);
      const hidden = (path: string, name: string) => marks.hiddenName(name, at(layer, path) as Stats);
      assert.equal(hidden('d/.wh.gone', '.wh.gone'), 'gone');
      assert.equal(hidden('e/.wh..wh..opq', '.wh..wh..opq'), '');
      assert.equal(hidden('d/kept', 'kept'), undefined);
    }));
}

test('a file beside its mark is there: somebody made it again', () =>
  withTrees(async ({ make }) => {
    const layer = make('layer', { '.wh.f': '', f: 'again' });
    const marks = layerMarks('names', await loadSyscalls());
    assert.equal(marks.hides(layer, 'f', at(layer, 'f')), false);
  }));

test('both: overlayfs’ marks are read too', () =>
  withTrees(async ({ make }) => {
    const layer = make('layer', { 'd/f': '' });
    const calls = { ...(await loadSyscalls()), getXattr: () => Buffer.from('y') };
    const marks = layerMarks('both', calls);
    const device = { isCharacterDevice: () => true, rdev: 0 } as Stats;
    assert.equal(marks.hides(layer, 'gone', device), true);
    assert.equal(marks.hiddenName('gone', device), 'gone');
    assert.equal(marks.isOpaque(layer, 'd'), true);
    assert.equal(layerMarks('names', calls).hiddenName('gone', device), undefined);
  }));

test('names that files of a layer may not have', () => {
  assert.deepEqual(['.wh.x', '.wh..wh..opq', '.wh', 'a.wh.b', 'wh.'].map(isMarkName), [
    true,
    true,
    false,
    false,
    false,
  ]);
});
