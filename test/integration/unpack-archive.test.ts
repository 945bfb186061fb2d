import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { EntryHeader } from '../../src/archive/entry.ts';
import { MergedView } from '../../src/archive/merged-view.ts';
import { encodeHeader, paddingOf } from '../../src/archive/tar-header.ts';
import type { ArchiveTree } from '../../src/build/snapshot/copy/archive-tree.ts';
import { type PlaceOptions, placeSelection } from '../../src/build/snapshot/copy/place-selection.ts';
import { RootedTree } from '../../src/build/snapshot/copy/rooted-tree.ts';
import { selectSources } from '../../src/build/snapshot/copy/select-sources.ts';
import { writeCopyLayer } from '../../src/build/snapshot/copy/write-copy-layer.ts';
import { isFailure } from '../../src/lib/errors.ts';
import { parseFileMode } from '../../src/lib/file-mode.ts';
import { findProgram } from '../../src/lib/find-program.ts';

const { signal } = new AbortController();
let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'polyarch-unpack-'));
});
after(() => rmSync(root, { recursive: true }));

type Member = Partial<EntryHeader> & { readonly path: string; readonly text?: string };

function tar(members: readonly Member[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { text = '', ...member } of members) {
    const content = Buffer.from(text);
    const base = { type: 'file', mode: 0o644, uid: 5, gid: 6, mtime: 7 } as const;
    blocks.push(encodeHeader({ ...base, ...member, size: content.length }), content);
    blocks.push(Buffer.alloc(paddingOf(content.length)));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const directory = (path: string, mode = 0o755) => ({ path, type: 'directory', mode }) as const;
const link = (path: string, linkname: string) => ({ path, type: 'symlink', linkname }) as const;
const hard = (path: string, linkname: string) => ({ path, type: 'hardlink', linkname }) as const;

const target = new MergedView([
  {
    entries: (
      [
        ['n', 'directory'],
        ['n/link', 'symlink', '/real'],
        ['n/real', 'directory'],
        ['n/dir', 'directory'],
        ['n/dir/old', 'file'],
        ['n/file', 'file'],
      ] as const
    ).map(([path, type, linkname]) => ({
      ...{ path, type, mode: 0o700, uid: 1, gid: 1, size: 0, mtime: 1 },
      ...(linkname === undefined ? {} : { linkname }),
    })),
    whiteouts: [],
    opaque: [],
  },
]);

async function add(bytes: Buffer, options: Partial<PlaceOptions> = {}) {
  writeFileSync(join(root, 'a'), bytes);
  const archives: ArchiveTree[] = [];
  const sources = [{ pattern: 'a', unpack: true }];
  const selection = selectSources(new RootedTree(root), sources, { owners: 'zero', signal });
  try {
    const plan = await placeSelection(selection, target, {
      destination: '/n',
      now: 9,
      unpack: {
        spoolDirectory: join(root, 'spool'),
        onOpen: (archive) => archives.push(archive),
        signal,
      },
      ...options,
    });
    const layer = join(root, 'layer');
    rmSync(layer, { force: true });
    await writeCopyLayer(plan, layer, { signal });
    const read = (path: string) => execFileSync('tar', ['-xOzf', layer, path], { encoding: 'utf8' });
    const lines = plan.entries.map(
      ({ header: h }) =>
        `${h.path} ${h.type} ${h.mode.toString(8)} ${h.uid}:${h.gid} ${h.linkname ?? h.mtime}`,
    );
    return { lines, read };
  } finally {
    for (const archive of archives) archive.close();
    assert.deepEqual(readdirSync(join(root, 'spool')), []);
  }
}

describe('what ADD makes of an archive', () => {
  test('modes, owners, times and links are the archive’s; parents that it leaves out are made', async () => {
    const archive = tar([
      directory('./'),
      directory('d', 0o2750),
      { path: 'd/x', mode: 0o4755, text: 'content' },
      hard('a-name', 'd/x'),
      link('d/l', '../x'),
      { path: 'implied/y' },
      { path: 'p', type: 'fifo' },
    ]);
    const { lines, read } = await add(archive);
    assert.deepEqual(lines, [
      'n directory 700 1:1 1',
      'n/a-name file 4755 5:6 7',
      'n/d directory 2750 5:6 7',
      'n/d/l symlink 644 5:6 ../x',
      'n/d/x hardlink 4755 5:6 n/a-name',
      'n/implied directory 755 0:0 9',
      'n/implied/y file 644 5:6 7',
      'n/p fifo 644 5:6 7',
    ]);
    assert.equal(read('n/a-name'), 'content');
  });

  test('--chown owns what comes out, --chmod changes nothing', async () => {
    const options = { owner: { uid: 3, gid: 4 }, mode: parseFileMode('777') };
    const { lines } = await add(tar([directory('d'), { path: 'd/x' }]), options);
    assert.deepEqual(lines.slice(1), ['n/d directory 755 3:4 7', 'n/d/x file 644 3:4 7']);
  });

  test('directories merge, all else is replaced; the last entry of a name counts', async () => {
    const archive = tar([
      { path: 'dir', text: 'now a file' },
      directory('file'),
      { path: 'file/below' },
      { path: 'twice', text: '1' },
      { path: 'twice', text: '22' },
    ]);
    const { lines, read } = await add(archive);
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(' ', 2).join(' ')),
      ['n/dir file', 'n/file directory', 'n/file/below file', 'n/twice file'],
    );
    assert.equal(read('n/twice'), '22');
  });

  test('links of the target and of the archive are followed below the destination only', async () => {
    const archive = tar([{ path: 'link/x' }, link('up', '../../..'), { path: 'up/y' }]);
    const { lines } = await add(archive);
    const names = lines.map((line) => line.split(' ', 1)[0]);
    assert.deepEqual(names, ['n', 'n/real', 'n/real/x', 'n/up', 'n/y']);
  });

  for (const [kind, pack] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['bzip2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], { input: bytes })],
    ['xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
  ] as const) {
    test(`${kind} is told by content`, async (t) => {
      if (kind.endsWith('z') && findProgram(kind) === undefined) return t.skip(`there is no ${kind}`);
      if (kind === 'bzip2' && findProgram(kind) === undefined) return t.skip(`there is no ${kind}`);
      const packed = pack(tar([{ path: 'x', text: 'x'.repeat(10_000) }]));
      assert.deepEqual((await add(packed)).lines.slice(1), ['n/x file 644 5:6 7']);
      const other = await add(pack(Buffer.from('no archive')), { destination: '/new' });
      assert.equal(other.lines[0]?.split(' ', 2).join(' '), 'new file');
    });
  }
});

describe('a hostile archive', () => {
  const cases: readonly (readonly [string, readonly Member[], string])[] = [
    ['a name that leads out', [{ path: '../../etc/passwd' }], 'ARCHIVE'],
    ['a hard link that leads out', [{ path: 'x' }, hard('y', '../../etc/passwd')], 'ARCHIVE'],
    ['a hard link to what is not there', [hard('y', 'etc/passwd')], 'ARCHIVE'],
    ['links without end', [link('a', 'b'), link('b', 'a'), { path: 'a/x' }], 'ARCHIVE'],
    ['a whiteout', [{ path: 'd/.wh.x' }], 'UNSUPPORTED'],
    ['an opaque whiteout', [{ path: 'd/.wh..wh..opq' }], 'UNSUPPORTED'],
    ['a link for a root', [link('.', '/etc')], 'ARCHIVE'],
    ['a file below a file', [{ path: 'file/x' }], 'STEP_FAILED'],
  ];
  for (const [name, members, code] of cases) {
    test(name, async () => {
      await assert.rejects(add(tar(members)), (error) => isFailure(error) && error.code === code);
    });
  }

  test('is cut short', async () => {
    const whole = tar([{ path: 'x', text: 'x'.repeat(5000) }]);
    await assert.rejects(add(whole.subarray(0, 2000)), (error) => isFailure(error, 'ARCHIVE'));
    const packed = gzipSync(tar([{ path: 'x', text: randomBytes(100_000).toString('hex') }]));
    await assert.rejects(add(packed.subarray(0, 60_000)), (error) => isFailure(error, 'ARCHIVE'));
  });

  test('a bomb in place of an archive is a file, and takes no memory', async () => {
    // Blocks of 128 KiB that are one byte: a gigabyte of zeros in 32 KiB.
    const blocks = Buffer.alloc(8192 * 4);
    for (let at = 0; at < blocks.length; at += 4)
      blocks.writeUIntLE((at + 4 === blocks.length ? 1 : 0) | (1 << 1) | (131_072 << 3), at, 3);
    const bomb = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]), blocks]);
    const before = process.resourceUsage().maxRSS;
    const { lines } = await add(bomb, { destination: '/n/bomb' });
    assert.deepEqual(lines.at(-1)?.split(' ').slice(0, 3), ['n/bomb', 'file', '644']);
    assert.ok(process.resourceUsage().maxRSS - before < 300_000, 'kilobytes');
  });

  test('the work for an archive follows its files, not their square', async () => {
    const members = Array.from({ length: 1000 }, (_, number) => ({ path: `f${number}` }));
    const { startsWith } = String.prototype;
    let calls = 0;
    String.prototype.startsWith = function (this: string, ...args) {
      calls++;
      return startsWith.apply(this, args);
    };
    try {
      await add(tar(members));
    } finally {
      String.prototype.startsWith = startsWith;
    }
    assert.ok(calls < 100 * members.length, `${calls} comparisons`);
  });

  test('attributes that overlayfs or this kernel would act on are left out', async () => {
    const xattrs = new Map(
      ['user.a', 'user.overlay.opaque', 'trusted.overlay.redirect', 'security.selinux'].map((name) => [
        name,
        Buffer.from('y'),
      ]),
    );
    writeFileSync(join(root, 'a'), tar([{ ...directory('d'), xattrs }]));
    const sources = [{ pattern: 'a', unpack: true }];
    const selection = selectSources(new RootedTree(root), sources, { owners: 'zero', signal });
    const plan = await placeSelection(selection, target, {
      destination: '/n',
      now: 9,
      unpack: { spoolDirectory: join(root, 'spool'), onOpen: (archive) => archive.close(), signal },
    });
    assert.deepEqual([...(plan.entries.at(-1)?.header.xattrs?.keys() ?? [])], ['user.a']);
  });
});
