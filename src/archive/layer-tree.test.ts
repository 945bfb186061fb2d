import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { EntryHeader } from './entry.ts';
import { LayerTree } from './layer-tree.ts';
import { encodeHeader, paddingOf } from './tar-header.ts';
import { TarParser } from './tar-parser.ts';

const base = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };
const file = (path: string): EntryHeader => ({ ...base, path, type: 'file' });
const link = (path: string, linkname: string): EntryHeader => ({ ...base, path, type: 'symlink', linkname });

function tocOf(...entries: EntryHeader[]) {
  const tree = new LayerTree();
  for (const entry of entries) tree.apply(entry);
  const { entries: found, ...rest } = tree.toc();
  return { ...rest, paths: found.map((entry) => entry.path) };
}

describe('LayerTree', () => {
  test('links in parents are followed inside the root', () => {
    const { paths } = tocOf(link('a', '/x/../y'), file('a/f'), link('b', '../../..'), file('b/g'));
    assert.deepEqual(paths, ['a', 'b', 'g', 'y/f']);
  });

  test('a way that was followed before is forgotten when a name on it is replaced', () => {
    const { paths } = tocOf(
      link('l', 'one'),
      file('l/f'),
      link('l', 'two'),
      file('l/f'),
      file('d/x'),
      link('d', 'one'),
      file('d/x'),
    );
    assert.deepEqual(paths, ['d', 'l', 'one/f', 'one/x', 'two/f']);
  });

  test('whiteouts act on lower layers only, in any order', () => {
    assert.deepEqual(tocOf(file('d/new'), file('.wh.d'), file('.wh.f'), file('f')), {
      paths: ['d/new', 'f'],
      whiteouts: [],
      opaque: ['d'],
    });
    assert.deepEqual(tocOf(file('.wh.d'), file('d/new')), { paths: ['d/new'], whiteouts: [], opaque: ['d'] });
    assert.deepEqual(tocOf(file('.wh.x'), file('.wh..wh.plnk')), { paths: [], whiteouts: ['x'], opaque: [] });
  });

  test('the names of all entries have a limit', () => {
    const tree = new LayerTree({ maxNameBytes: 1000 });
    assert.throws(() => Array.from({ length: 100 }, (_, i) => tree.apply(file(`f${i}`))), {
      code: 'LIMIT',
      message: /maxNameBytes/,
    });
  });

  test('so have their attributes', () => {
    const tree = new LayerTree({ maxNameBytes: 10_000 });
    const xattrs = new Map([['user.a', Buffer.alloc(4000)]]);
    tree.apply({ ...file('a'), xattrs });
    tree.apply({ ...file('b'), xattrs });
    assert.throws(() => tree.apply({ ...file('c'), xattrs }), { code: 'LIMIT', message: /maxNameBytes/ });
  });
});

describe('TarParser', () => {
  const pax = (flag: string, keyword: string, value: Buffer) => {
    const size = keyword.length + value.length + 3;
    const record = Buffer.concat([
      Buffer.from(`${size + String(size + 7).length} ${keyword}=`),
      value,
      Buffer.from('\n'),
    ]);
    const header = encodeHeader({ ...base, path: 'pax', type: 'file', size: record.length });
    header[156] = flag.charCodeAt(0);
    header.fill(0x20, 148, 156);
    let sum = 0;
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return Buffer.concat([header, record, Buffer.alloc(paddingOf(record.length))]);
  };

  test('global records have a limit together', () => {
    const parser = new TarParser({ entry() {}, data() {}, end() {} });
    const global = (name: string) => pax('g', `SCHILY.xattr.user.${name}`, Buffer.alloc(600_000));
    parser.write(global('a'));
    parser.write(global('a'));
    assert.throws(() => parser.write(global('b')), { code: 'LIMIT', message: /maxPaxBytes/ });
  });

  test('reads an attribute whose name is not ASCII as it was written', () => {
    const name = `user.${Buffer.from('é').toString('latin1')}`;
    let read: EntryHeader | undefined;
    const parser = new TarParser({
      entry: (header) => {
        read = header;
      },
      data() {},
      end() {},
    });
    parser.write(encodeHeader({ ...file('a'), xattrs: new Map([[name, Buffer.from('x')]]) }));
    assert.deepEqual([...(read?.xattrs ?? [])], [[name, Buffer.from('x')]]);
  });

  describe('reads what GNU tar writes, in pieces of any size', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'tar-parser-'));
    after(() => rmSync(scratch, { recursive: true }));
    const formats = ['v7', 'ustar', 'oldgnu', 'gnu', 'posix'];
    const longOf = (format: string) => (format === 'v7' || format === 'ustar' ? 'short' : 'n'.repeat(180));
    before(() => {
      const make = (format: string): string => {
        const long = longOf(format);
        return `(mkdir -p ${format}/d; cd ${format}; printf hello > d/${long}; ln -s d/${long.slice(0, 90)} s; ln d/${long} h
          tar --format=${format} --numeric-owner --sort=name -cf ../${format}.tar .)`;
      };
      execFileSync('sh', ['-euc', formats.map(make).join('\n')], { cwd: scratch });
    });
    for (const format of formats) {
      test(format, () => {
        const long = longOf(format);
        const bytes = readFileSync(join(scratch, `${format}.tar`));
        const results = [1, 511, 513, bytes.length].map((size) => {
          const seen: unknown[] = [];
          let content = '';
          const parser = new TarParser({
            entry: ({ path, type, linkname }) => seen.push([path, type, linkname]),
            data: (piece) => {
              content += piece.toString();
            },
            end: () => {},
          });
          for (let at = 0; at < bytes.length; at += size) parser.write(bytes.subarray(at, at + size));
          parser.close();
          return { seen, content };
        });
        for (const result of results) assert.deepEqual(result, results[0]);
        assert.deepEqual(results[0], {
          seen: [
            ['./', 'directory', undefined],
            ['./d/', 'directory', undefined],
            [`./d/${long}`, 'file', undefined],
            ['./h', 'hardlink', `./d/${long}`],
            ['./s', 'symlink', `d/${long.slice(0, 90)}`],
          ],
          content: 'hello',
        });
      });
    }
  });
});

test('no entry makes a directory whose name is a mark, directly or through a link', () => {
  const file = { type: 'file', mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 } as const;
  for (const path of ['.wh.a/x', 'd/.wh..wh..opq/x', 'd/.wh.a/.wh.b'])
    assert.throws(() => new LayerTree().apply({ ...file, path }), { code: 'ARCHIVE' }, path);
  const tree = new LayerTree();
  tree.apply({ ...file, type: 'symlink', path: 'l', linkname: '/d/.wh.a' });
  assert.throws(() => tree.apply({ ...file, path: 'l/x' }), { code: 'ARCHIVE' });
  assert.deepEqual(tree.apply({ ...file, path: '.wh..wh.plnk/1.2' }), { kind: 'none' });
});
