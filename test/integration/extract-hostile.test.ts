import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createWriteStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createZstdCompress } from 'node:zlib';
import { LayerTree } from '../../src/archive/layer-tree.ts';
import { encodeHeader } from '../../src/archive/tar-header.ts';
import { extractLayer } from '../../src/build/snapshot/extract.ts';
import { LayerUnpacker } from '../../src/build/snapshot/layer-unpacker.ts';
import { removeTree } from '../../src/build/snapshot/remove-tree.ts';
import { loadSyscalls } from '../../src/build/snapshot/syscalls.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { entryDefaults, hostileTar, type TarEntry } from '../fixtures/hostile-tar.ts';
import { jailDirectory, runInJail } from './jail.ts';

setFlagsFromString('--expose-gc');

// Outside the jail this file starts itself in there.
const jail = jailDirectory;

if (jail === undefined) {
  test('hostile layers, in a user namespace', (t) => {
    const result = runInJail(import.meta.filename);
    if ('skipped' in result) t.skip(`no user namespace for an ordinary user: ${result.skipped}`);
    else assert.equal(result.status, 0, result.output);
  });
} else {
  describe('in the jail', () => {
    let outside: string;
    let count = 0;
    before(() => {
      assert.notEqual(
        readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).join(' '),
        '0 0 4294967295',
      );
      outside = join(jail, 'outside');
      mkdirSync(outside);
      writeFileSync(join(outside, 'precious'), 'precious');
    });
    after(() => {
      assert.deepEqual(readdirSync(outside), ['precious']);
      assert.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
      removeTree(outside);
    });

    /** In this process's own mount namespace. */
    function mount(...args: string[]): void {
      const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    }

    async function extract(
      entries: readonly TarEntry[] | Buffer,
      options: Parameters<typeof extractLayer>[3] = {},
    ) {
      const bytes = Buffer.isBuffer(entries) ? entries : hostileTar(entries);
      const name = join(jail as string, `layer-${++count}`);
      writeFileSync(`${name}.tar`, bytes);
      const result = await extractLayer(`${name}.tar`, digestOf(bytes), name, options);
      return { ...result, root: name };
    }

    const refused: Record<string, TarEntry[]> = {
      'dots in a path': [{ path: 'a/../../outside/x', content: 'x' }],
      'dots in a whiteout': [{ path: '../outside/.wh.precious' }],
      'dots in the mark of an opaque directory': [{ path: 'a/../../outside/.wh..wh..opq' }],
      'a bare whiteout': [{ path: '.wh.' }],
      'a bare whiteout in a directory': [{ path: 'a/.wh.' }],
      'a whiteout of the directory itself': [{ path: '.wh..' }],
      'a whiteout of the parent': [{ path: '.wh...' }],
      'a link in place of the root': [{ path: './', type: 'symlink', linkname: '/tmp' }],
      'a file in place of the root': [{ path: '/', type: 'symlink', linkname: 'x' }],
      'a hard link out': [{ path: 'l', type: 'hardlink', linkname: '../outside/precious' }],
      'a hard link to nothing': [{ path: 'l', type: 'hardlink', linkname: 'none' }],
      'a hard link to a directory': [
        { path: 'd', type: 'directory' },
        { path: 'l', type: 'hardlink', linkname: 'd' },
      ],
      'a file as a parent': [
        { path: 'f', content: 'x' },
        { path: 'f/g', content: 'x' },
      ],
      'a loop of links as a parent': [
        { path: 'a', type: 'symlink', linkname: 'b' },
        { path: 'b', type: 'symlink', linkname: 'a' },
        { path: 'a/x', content: 'x' },
      ],
      'a mark as a parent': [{ path: '.wh.a/x', content: 'x' }],
      'the mark of an opaque directory as a parent': [{ path: 'd/.wh..wh..opq/x', content: 'x' }],
      'a link to a mark as a parent': [
        { path: 'l', type: 'symlink', linkname: 'd/.wh.a' },
        { path: 'l/x', content: 'x' },
      ],
      'a device 0:0': [{ path: 'c', type: 'char', devMajor: 0, devMinor: 0 }],
    };
    for (const [name, entries] of Object.entries(refused)) {
      test(`refused: ${name}`, async () => {
        await assert.rejects(extract(entries), { code: 'ARCHIVE' });
      });
    }

    test('absolute paths stay inside', async () => {
      const { root } = await extract([{ path: `${outside}/precious`, content: 'evil' }]);
      assert.equal(readFileSync(join(root, outside, 'precious'), 'utf8'), 'evil');
    });

    test('a link out, then a write through it, stays inside', async () => {
      const { root } = await extract([
        { path: 'abs', type: 'symlink', linkname: outside },
        { path: 'abs/precious', content: 'evil' },
        { path: 'up', type: 'symlink', linkname: '../../../../../../outside' },
        { path: 'up/precious', content: 'evil' },
        { path: 'up/deep/x', content: 'evil' },
        { path: 'up/.wh.precious' },
        { path: 'abs/.wh.other' },
      ]);
      assert.equal(readFileSync(join(root, outside, 'precious'), 'utf8'), 'evil');
      assert.equal(readFileSync(join(root, 'outside/deep/x'), 'utf8'), 'evil');
    });

    test('a hard link to a link out names the link', async () => {
      const { root } = await extract([
        { path: 's', type: 'symlink', linkname: join(outside, 'precious') },
        { path: 'h', type: 'hardlink', linkname: 's' },
        { path: 'h', content: 'evil' },
      ]);
      assert.equal(readFileSync(join(root, 'h'), 'utf8'), 'evil');
      assert.ok(lstatSync(join(root, 's')).isSymbolicLink());
    });

    test('a file over a link replaces the link', async () => {
      const { root } = await extract([
        { path: 'x', type: 'symlink', linkname: join(outside, 'precious') },
        { path: 'x', content: 'mine', mode: 0o600 },
      ]);
      assert.equal(readFileSync(join(root, 'x'), 'utf8'), 'mine');
    });

    test('directories turn into links and back', async () => {
      const { root } = await extract([
        { path: 'd', type: 'directory' },
        { path: 'd/x', content: '1' },
        { path: 'd/caf\xe9/y', content: '1' },
        { path: 'd/caf\xe9', content: 'no longer a directory' },
        { path: 'd', type: 'symlink', linkname: outside },
        { path: 'd/precious', content: '2' },
        { path: 'd', type: 'directory' },
        { path: 'd/z', content: '3' },
      ]);
      assert.deepEqual(readdirSync(join(root, 'd')), ['z']);
    });

    test('lower links in parents lead into this layer only', async () => {
      const lower = join(jail, 'lower');
      mkdirSync(lower);
      symlinkSync(outside, join(lower, 'var'));
      const { root } = await extract([{ path: 'var/precious', content: 'evil' }, { path: 'var/.wh.gone' }], {
        lowers: [lower],
      });
      assert.equal(readFileSync(join(root, outside, 'precious'), 'utf8'), 'evil');
    });

    test('hard links into lower layers copy, and do not leave them', async () => {
      const lower = join(jail, 'lower2');
      mkdirSync(lower);
      writeFileSync(join(lower, 'f'), 'lower');
      symlinkSync(join(outside, 'precious'), join(lower, 'out'));
      const { root, copiedFromLowers } = await extract(
        [
          { path: 'g', type: 'hardlink', linkname: 'f' },
          { path: 'o', type: 'hardlink', linkname: 'out' },
        ],
        { lowers: [lower] },
      );
      assert.deepEqual(copiedFromLowers, ['g', 'o']);
      assert.equal(readFileSync(join(root, 'g'), 'utf8'), 'lower');
      assert.ok(lstatSync(join(root, 'o')).isSymbolicLink());
      writeFileSync(join(root, 'g'), 'changed');
      assert.equal(readFileSync(join(lower, 'f'), 'utf8'), 'lower');
    });

    test('whiteouts and opaque directories are those of overlayfs', async () => {
      const calls = await loadSyscalls();
      const { root, opaqueRoot } = await extract([
        { path: 'd/.wh..wh..opq' },
        { path: 'd/.wh.inside' },
        { path: 'e/.wh.gone' },
        { path: 'e/.wh.gone' },
        { path: 'k', type: 'directory' },
        { path: 'k/new', content: 'x' },
        { path: '.wh.k' },
        { path: '.wh.old' },
        { path: 'old/below', content: 'x' },
      ]);
      const gone = lstatSync(join(root, 'e/gone'));
      assert.ok(gone.isCharacterDevice() && gone.rdev === 0);
      for (const name of ['d', 'k', 'old'])
        assert.equal(calls.getXattr(join(root, name), 'user.overlay.opaque')?.toString(), 'y');
      assert.deepEqual(readdirSync(join(root, 'd')), []);
      assert.deepEqual(readdirSync(join(root, 'k')), ['new']);
      assert.equal(opaqueRoot, false);
      assert.equal((await extract([{ path: '.wh..wh..opq' }])).opaqueRoot, true);
    });

    test('zeros, nothing, and rubbish', async () => {
      for (const nothing of [Buffer.alloc(0), Buffer.alloc(10240)])
        assert.deepEqual(readdirSync((await extract(nothing)).root), []);
      await assert.rejects(extract(Buffer.alloc(4096, 'x')), { code: 'ARCHIVE' });
      await assert.rejects(
        extract(hostileTar([{ path: 'f', content: 'x'.repeat(3000) }]).subarray(0, 2000)),
        {
          code: 'ARCHIVE',
        },
      );
    });

    test('names of 4 KiB end in an error that names the limit; long ones that fit are written', async () => {
      await assert.rejects(extract([{ path: 'n/'.repeat(2100), content: 'x' }]), {
        code: 'LIMIT',
        message: /maxPathBytes/,
      });
      await assert.rejects(extract([{ path: 'n'.repeat(300), content: 'x' }]), { code: 'STORE' });
      const { root } = await extract([{ path: `${'deep/'.repeat(200)}x`, content: 'x' }]);
      removeTree(root);
      assert.equal(lstatSync(root, { throwIfNoEntry: false }), undefined);
    });

    test('entries without end stop at their limit', async () => {
      const entries = Array.from({ length: 400 }, (_, i) => ({ path: `f${i}` }));
      await assert.rejects(extract(entries, { limits: { maxEntries: 100 } }), {
        code: 'LIMIT',
        message: /maxEntries/,
      });
      await assert.rejects(
        extract([{ path: 'f', content: 'x'.repeat(2000) }], { limits: { maxTotalBytes: 1000 } }),
        {
          code: 'LIMIT',
          message: /maxTotalBytes/,
        },
      );
    });

    test('megabytes of zeros, kilobytes in the layer, take neither room nor memory', async () => {
      const size = 256 * 1024 ** 2;
      const path = join(jail, 'zeros.tar.zst');
      const header = encodeHeader({ ...entryDefaults, path: 'zeros', type: 'file', size });
      const zeros = Buffer.alloc(8 * 1024 * 1024);
      const hash = createHash('sha256').update(header);
      const compress = createZstdCompress();
      const written = pipeline(
        Readable.from(
          (function* () {
            yield header;
            for (let at = 0; at < size; at += zeros.length) yield zeros;
            yield zeros.subarray(0, 1024);
          })(),
        ),
        compress,
        createWriteStream(path),
      );
      for (let at = 0; at < size; at += zeros.length) hash.update(zeros);
      hash.update(zeros.subarray(0, 1024));
      await written;
      assert.ok(lstatSync(path).size < size / 1000);
      const before = process.resourceUsage().maxRSS;
      const root = join(jail, 'zeros');
      await extractLayer(path, `sha256:${hash.digest('hex')}`, root);
      const { size: found, blocks } = lstatSync(join(root, 'zeros'));
      assert.equal(found, size);
      assert.ok(blocks * 512 < 1024 * 1024, `${blocks} blocks`);
      const grown = (process.resourceUsage().maxRSS - before) / 1024;
      assert.ok(grown < 150, `${Math.round(grown)} MiB more memory`);
      removeTree(root);
    });

    test('ten gigabytes of zeros fit on a disk of one megabyte; bytes that do not end in an error, and are taken away', async () => {
      const disk = join(jail, 'disk');
      mkdirSync(disk);
      mount('-t', 'tmpfs', '-o', 'size=1m,nr_inodes=100', 'tmpfs', disk);
      const fill = async (name: string, bytes: Buffer, size: number) => {
        mkdirSync(join(disk, name));
        const unpacker = new LayerUnpacker(join(disk, name), await loadSyscalls(), { source: name });
        try {
          unpacker.entry({ ...entryDefaults, path: 'f', type: 'file', size });
          for (let at = 0; at < size; at += bytes.length) unpacker.data(bytes);
          unpacker.end();
          unpacker.finish();
        } finally {
          unpacker.close();
        }
      };
      await fill('zeros', Buffer.alloc(32 * 1024 * 1024), 10 * 1024 ** 3);
      assert.equal(lstatSync(join(disk, 'zeros/f')).size, 10 * 1024 ** 3);
      assert.equal(lstatSync(join(disk, 'zeros/f')).blocks, 0);
      const full = { code: 'STORE', message: /^Cannot extract "f": ENOSPC.*no space left on device/ };
      await assert.rejects(fill('ones', Buffer.alloc(64 * 1024, 1), 10 * 1024 ** 3), full);
      removeTree(join(disk, 'ones'));
      const many = Array.from({ length: 200 }, (_, i) => ({ path: `f${i}` }));
      const tar = hostileTar(many);
      writeFileSync(join(jail, 'many.tar'), tar);
      await assert.rejects(extractLayer(join(jail, 'many.tar'), digestOf(tar), join(disk, 'many')), {
        code: 'STORE',
        message: /ENOSPC/,
      });
      removeTree(join(disk, 'many'));
      assert.deepEqual(readdirSync(disk), ['zeros']);
      assert.equal(spawnSync('umount', [disk]).status, 0);
    });

    test('a million names take no more than their names’ memory', () => {
      const collect = runInNewContext('gc') as () => void;
      const heap = (): number => {
        collect();
        return process.memoryUsage().heapUsed;
      };
      const before = heap();
      const tree = new LayerTree({ keep: 'structure' });
      for (let i = 0; i < 1_000_000; i++) {
        const path = `usr/lib/python3/dist-packages/package-${i % 1000}/some-module-${i}.py`;
        tree.apply({ ...entryDefaults, path, type: 'file' });
      }
      const perName = (heap() - before) / 1_000_000;
      assert.ok(perName < 150, `${Math.round(perName)} bytes each`);
      assert.equal(tree.at('usr/lib/python3/dist-packages/package-0')?.children?.size, 1000);
    });

    test('another diffID is refused', async () => {
      const path = join(jail, 'other.tar');
      writeFileSync(path, hostileTar([{ path: 'a' }]));
      await assert.rejects(extractLayer(path, digestOf('other'), join(jail, 'other')), {
        code: 'CONTENT_INVALID',
      });
    });

    test('modes, times, names and pipes are kept; devices are skipped and told', async () => {
      const { root, skippedDevices, impliedParents } = await extract([
        { path: 'shut', type: 'directory', mode: 0o555 },
        { path: 'shut/setuid', content: 'x', mode: 0o4755, mtime: -5 },
        { path: 'shut/exact', content: 'x', mtime: 1_700_000_001 },
        { path: 'p', type: 'fifo', mode: 0o666 },
        { path: 'n', type: 'char', devMajor: 1, devMinor: 3 },
        { path: 'disk', type: 'block', devMajor: 8, devMinor: 0 },
        { path: 'same', type: 'hardlink', linkname: 'disk' },
        { path: 'caf\xe9', content: 'latin1' },
        { path: 'i/j/k', content: 'x' },
      ]);
      assert.equal(lstatSync(join(root, 'shut')).mode & 0o7777, 0o555);
      assert.equal(lstatSync(join(root, 'shut')).mtimeMs, 1_600_000_000_000);
      assert.equal(lstatSync(join(root, 'shut/setuid')).mode & 0o7777, 0o4755);
      assert.equal(lstatSync(join(root, 'shut/setuid')).mtimeMs, -5000);
      assert.equal(lstatSync(join(root, 'shut/exact')).mtimeMs, 1_700_000_001_000);
      assert.ok(lstatSync(join(root, 'p')).isFIFO());
      assert.equal(lstatSync(join(root, 'p')).mode & 0o777, 0o666);
      assert.deepEqual(skippedDevices, ['n', 'disk', 'same']);
      assert.deepEqual(impliedParents, ['i', 'i/j']);
      assert.ok(readdirSync(root, { encoding: 'latin1' }).includes('caf\xe9'));
      removeTree(root);
    });

    test('removeTree deletes links, not what they lead to, and trees deeper than a path may be', () => {
      const root = join(jail, 'to-delete');
      mkdirSync(join(root, 'a'), { recursive: true });
      symlinkSync(outside, join(root, 'a/link'));
      const dig =
        "for (let i = 0; i < 900; i++) { fs.mkdirSync('dddd'); process.chdir('dddd'); } fs.writeFileSync('leaf', '')";
      const deep = spawnSync(process.execPath, ['-e', dig], { cwd: root });
      assert.equal(deep.status, 0, deep.stderr.toString());
      removeTree(root);
      assert.equal(lstatSync(root, { throwIfNoEntry: false }), undefined);
      assert.deepEqual(readdirSync(outside), ['precious']);
    });
  });
}
