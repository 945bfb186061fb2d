import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsOneMount, overlayData } from './overlay-mount.ts';

test('the topmost layer comes first, and only a mount with an upper directory is volatile', () => {
  assert.match(overlayData({ lowers: ['a/fs', 'b/fs'] }), /^userxattr,.*,lowerdir=b\/fs:a\/fs$/);
  assert.match(
    overlayData({ lowers: ['a/fs'], upper: { directory: 'u/fs', work: 'u/work' } }),
    /lowerdir=a\/fs,upperdir=u\/fs,workdir=u\/work,volatile$/,
  );
});

test('a layer that an image has twice is mounted where it is topmost', () => {
  assert.match(overlayData({ lowers: ['a/fs', 'b/fs', 'a/fs', 'c/fs'] }), /,lowerdir=c\/fs:a\/fs:b\/fs$/);
});

test('far more layers than an image may have fit one mount', () => {
  const lowers = (count: number) => Array.from({ length: count }, (_, n) => `0123abcd-${n.toString(36)}/fs`);
  const upper = { directory: '0123abcd-zzz/fs', work: '0123abcd-zzz/work' };
  assert.ok(fitsOneMount({ lowers: lowers(250), upper }));
  assert.equal(fitsOneMount({ lowers: lowers(500), upper }), false);
});
