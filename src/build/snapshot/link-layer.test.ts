import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EntryHeader } from '../../archive/entry.ts';
import { type CopiedEntry, type LinkLayerOptions, linkLayer } from './link-layer.ts';

const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mtime: 1_700_000_000 };

function header(path: string, type: EntryHeader['type'], rest: Partial<EntryHeader> = {}): EntryHeader {
  return { ...own, path, type, mode: type === 'directory' ? 0o755 : 0o644, size: 0, ...rest };
}

async function withLayers(
  use: (paths: { one: string; two: string; target: string }) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-link-'));
  try {
    const [one, two, target] = ['one', 'two', 'target'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [one, two, target]) mkdirSync(path);
    for (const [path, text] of [
      [join(one, 'a'), 'one'],
      [join(one, 'hidden'), 'below'],
      [join(two, 'b'), 'two'],
      [join(two, 'hidden'), 'above'],
    ] as const) {
      writeFileSync(path, text);
      chmodSync(path, 0o644);
      utimesSync(path, own.mtime, own.mtime);
    }
    await use({ one, two, target });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const entries: readonly CopiedEntry[] = [
  { header: header('app', 'directory', { mode: 0o750 }) },
  { header: header('app/a', 'file', { size: 3 }), source: 'a' },
  { header: header('app/again', 'file', { size: 3 }), source: 'a' },
  { header: header('app/b', 'file', { size: 3, mode: 0o755 }), source: 'b' },
  { header: header('app/hidden', 'file', { size: 5 }), source: 'hidden' },
  { header: header('app/link', 'symlink', { linkname: 'a' }) },
  { header: header('app/name', 'hardlink', { linkname: 'app/b' }) },
];

test('files that are the same become links, each inode once; others are copied with what the layer says of them', async () => {
  await withLayers(async ({ one, two, target }) => {
    const made = await linkLayer(entries, target, { from: [one, two], apart: new Set() });
    assert.deepEqual(made, { shares: new Set([one, two]), linked: 2, copied: 2 });
    const ino = (path: string) => lstatSync(path).ino;
    assert.equal(ino(join(target, 'app/a')), ino(join(one, 'a')));
    assert.notEqual(ino(join(target, 'app/again')), ino(join(one, 'a')));
    assert.equal(ino(join(target, 'app/hidden')), ino(join(two, 'hidden')));
    const b = lstatSync(join(target, 'app/b'));
    assert.deepEqual([b.mode & 0o7777, b.mtimeMs], [0o755, own.mtime * 1000]);
    assert.equal(ino(join(target, 'app/name')), b.ino);
    assert.equal(lstatSync(join(two, 'b')).mode & 0o7777, 0o644);
    const app = lstatSync(join(target, 'app'));
    assert.deepEqual([app.mode & 0o7777, app.mtimeMs], [0o750, own.mtime * 1000]);
    assert.equal(readlinkSync(join(target, 'app/link')), 'a');
    assert.equal(readFileSync(join(target, 'app/again'), 'utf8'), 'one');
  });
});

test('layers that the tree has besides are kept apart', async () => {
  await withLayers(async ({ one, two, target }) => {
    const made = await linkLayer(entries, target, { from: [one, two], apart: new Set([one]) });
    assert.deepEqual(made, { shares: new Set([two]), linked: 1, copied: 3 });
  });
});

test('what no link can stand for is left to an extraction', async () => {
  const options = (from: string): LinkLayerOptions => ({ from: [from], apart: new Set() });
  await withLayers(async ({ one, target }) => {
    const missing = { header: header('b', 'file', { size: 3 }), source: 'b' };
    assert.equal(await linkLayer([missing], target, options(one)), undefined);
    const grown = { header: header('a', 'file', { size: 4 }), source: 'a' };
    assert.equal(await linkLayer([grown], target, options(one)), undefined);
    const pipe = { header: header('p', 'fifo') };
    assert.equal(await linkLayer([pipe], target, options(one)), undefined);
  });
});
