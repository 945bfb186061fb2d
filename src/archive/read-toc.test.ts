import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type Digest, digestOf } from '../lib/digest.ts';
import { isFailure } from '../lib/errors.ts';
import type { EntryHeader } from './entry.ts';
import { readToc } from './read-toc.ts';
import { encodeHeader, paddingOf } from './tar-header.ts';
import { TarParser } from './tar-parser.ts';

const base = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1 };

function tar(entries: readonly [EntryHeader, Buffer?][]): Buffer {
  const pieces = entries.flatMap(([entry, content = Buffer.alloc(0)]) => [
    encodeHeader(entry),
    content,
    Buffer.alloc(paddingOf(content.length)),
  ]);
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

describe('readToc', () => {
  const plain = tar([
    [{ ...base, path: 'd', type: 'directory', mode: 0o1777 }],
    [{ ...base, path: `d/${'long'.repeat(60)}`, type: 'file', size: 3, uid: 4_000_000 }, Buffer.from('abc')],
    [{ ...base, path: 'd/.wh.gone', type: 'file' }],
    [{ ...base, path: 'd/.wh..wh..opq', type: 'file' }],
    [{ ...base, path: 'caf\u00e9', type: 'symlink', linkname: 'd' }],
  ]);

  for (const [name, blob] of [
    ['plain', plain],
    ['gzip', gzipSync(plain)],
    ['zstd', zstdCompressSync(plain)],
  ] as const) {
    test(`${name}: entries, whiteouts and opaque directories`, async () => {
      const toc = await readToc(Readable.from([blob]), digestOf(plain));
      assert.deepEqual(
        toc.entries.map((entry) => [entry.path.length, entry.type, entry.uid]),
        [
          [4, 'symlink', 0],
          [1, 'directory', 0],
          [242, 'file', 4_000_000],
        ],
      );
      assert.deepEqual(toc.whiteouts, ['d/gone']);
      assert.deepEqual(toc.opaque, ['d']);
    });
  }

  test('contents get their digest, in the order of the archive', async () => {
    const contents = new Map<EntryHeader, Digest>();
    const twice = tar([
      [{ ...base, path: 'f', type: 'file', size: 3 }, Buffer.from('old')],
      [{ ...base, path: 'e', type: 'file' }],
      [{ ...base, path: 'f', type: 'file', size: 3 }, Buffer.from('new')],
      [{ ...base, path: 'h', type: 'hardlink', linkname: 'f' }],
    ]);
    const { entries } = await readToc(Readable.from([twice]), digestOf(twice), { contents });
    assert.deepEqual(
      entries.map((entry) => [entry.path, contents.get(entry)]),
      [
        ['e', digestOf('')],
        ['f', digestOf('new')],
        ['h', undefined],
      ],
    );
  });

  test('another diffID is refused', async () => {
    await assert.rejects(readToc(Readable.from([plain]), digestOf('other')), { code: 'CONTENT_INVALID' });
  });

  test('a bare whiteout, a path that climbs and a torn archive are refused', async () => {
    for (const bytes of [
      tar([[{ ...base, path: '.wh.', type: 'file' }]]),
      tar([[{ ...base, path: 'a/../../b', type: 'file' }]]),
      plain.subarray(0, 700),
    ]) {
      await assert.rejects(readToc(Readable.from([bytes]), digestOf(bytes)), { code: 'ARCHIVE' });
    }
  });

  test('damaged archives end in an error of ours or in entries, never in a hang', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(plain.length - 1), fc.nat(255)), { maxLength: 20 }),
        fc.integer({ min: 1, max: 999 }),
        async (edits, step) => {
          const bytes = Buffer.from(plain);
          for (const [position, value] of edits) bytes[position] = value;
          const reader = new TarParser({ entry: () => {}, data: () => {}, end: () => {} });
          try {
            for (let offset = 0; offset < bytes.length; offset += step)
              reader.write(bytes.subarray(offset, offset + step));
            reader.close();
          } catch (error) {
            assert.ok(isFailure(error), String(error));
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
