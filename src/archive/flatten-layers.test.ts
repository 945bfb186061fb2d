import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { EntryHeader } from './entry.ts';
import { flattenLayers } from './flatten-layers.ts';
import { encodeHeader, paddingOf } from './tar-header.ts';
import { TarParser } from './tar-parser.ts';

type Entry = Partial<EntryHeader> & { path: string; content?: string };

function layer(...entries: Entry[]): Buffer {
  const pieces = entries.flatMap(({ content = '', ...entry }) => {
    const size = Buffer.byteLength(content);
    const header = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, ...entry, size } as const;
    return [encodeHeader(header), Buffer.from(content), Buffer.alloc(paddingOf(size))];
  });
  return gzipSync(Buffer.concat([...pieces, Buffer.alloc(1024)]));
}

/** Bottom layer first. */
async function flattened(...layers: Buffer[]): Promise<string[]> {
  const seen: string[] = [];
  const parser = new TarParser({
    entry: ({ path, type, linkname }) => void seen.push(`${type} ${path}${linkname ? ` ${linkname}` : ''}`),
    data: (bytes) => void seen.push(`${seen.pop()} ${bytes.toString()}`),
    end: () => {},
  });
  const opens = layers.map((bytes) => async () => Readable.from([bytes])).reverse();
  for await (const piece of flattenLayers(opens)) parser.write(piece);
  parser.close();
  return seen;
}

describe('flattenLayers', () => {
  test('upper layers win; whiteouts, opaque directories and files in place of directories hide', async () => {
    const base = layer(
      { path: './', type: 'directory' },
      { path: 'd', type: 'directory' },
      { path: 'd/a', content: 'a' },
      { path: 'gone/x', content: 'x' },
      { path: 'opaque/old', content: 'old' },
      { path: 'was/dir', content: 'y' },
    );
    const upper = layer(
      { path: 'd', type: 'directory', mode: 0o700 },
      { path: 'd/a', content: 'A' },
      { path: '.wh.gone' },
      { path: 'opaque/.wh..wh..opq' },
      { path: 'opaque/new', content: 'new' },
      { path: 'was', type: 'symlink', linkname: '/etc' },
    );
    assert.deepEqual(await flattened(base, upper), [
      'directory d/',
      'file d/a A',
      'file opaque/new new',
      'symlink was /etc',
    ]);
  });

  test('hard links come behind what they name; one whose target was replaced keeps the content', async () => {
    const base = layer({ path: 'a', content: 'old' }, { path: 'same', type: 'hardlink', linkname: 'a' });
    const upper = layer(
      { path: 'l1', type: 'hardlink', linkname: 'a' },
      { path: 'l2', type: 'hardlink', linkname: 'a' },
    );
    assert.deepEqual(await flattened(base, upper), [
      'file a old',
      'hardlink same a',
      'hardlink l1 a',
      'hardlink l2 a',
    ]);
    const top = layer({ path: 'a', content: 'new' });
    assert.deepEqual(await flattened(base, upper, top), [
      'file a new',
      'file l1 old',
      'hardlink l2 l1',
      'hardlink same l1',
    ]);
  });

  test('a hidden file that only a later link of its own layer shows is read again', async () => {
    const base = layer({ path: 'a', content: 'old' }, { path: 'b', type: 'hardlink', linkname: 'a' });
    assert.deepEqual(await flattened(base, layer({ path: '.wh.a' })), ['file b old']);
  });

  test('names that climb and links to nothing are refused', async () => {
    await assert.rejects(flattened(layer({ path: '../x' })), { code: 'ARCHIVE' });
    await assert.rejects(flattened(layer({ path: 'l', type: 'hardlink', linkname: 'none' })), {
      code: 'ARCHIVE',
    });
    await assert.rejects(flattened(layer({ path: 'l', type: 'hardlink', linkname: '../x' })), {
      code: 'ARCHIVE',
    });
  });
});
