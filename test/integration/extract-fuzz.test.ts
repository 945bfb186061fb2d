import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinFsPath } from '../../src/archive/byte-path.ts';
import { LayerTree } from '../../src/archive/layer-tree.ts';
import { readLayer } from '../../src/archive/read-layer.ts';
import type { Toc } from '../../src/archive/toc.ts';
import { extractLayer } from '../../src/build/snapshot/extract.ts';
import { layerMarks, type MarkFormat } from '../../src/build/snapshot/layer-marks.ts';
import type { ExtractedLayer } from '../../src/build/snapshot/layer-unpacker.ts';
import { LowerTree } from '../../src/build/snapshot/lower-tree.ts';
import { removeTree } from '../../src/build/snapshot/remove-tree.ts';
import { loadSyscalls } from '../../src/build/snapshot/syscalls.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { isFailure } from '../../src/lib/errors.ts';
import { hostileTar, type TarEntry } from '../fixtures/hostile-tar.ts';
import { jailDirectory, runInJail } from './jail.ts';

// Outside the jail this file starts itself in there.
const jail = jailDirectory;
const sequences = 300;

/** Few names, so that entries meet; those that lead out, or mean something else than a name, among them. */
const part = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 3, arbitrary: fc.constantFrom('..', '.', '', 'outside', 'precious') },
  { weight: 2, arbitrary: fc.constantFrom('.wh.a', '.wh.b', '.wh..wh..opq', '.wh.', '.wh...') },
  { weight: 1, arbitrary: fc.constantFrom('caf\xe9', 'n'.repeat(255), 'n'.repeat(256), '\n', '-rf') },
);
const pathOf = (outside: string) =>
  fc
    .tuple(
      fc.constantFrom('', '/', './', '../', `${outside}/`),
      fc.array(part, { minLength: 1, maxLength: 4 }),
    )
    .map(([start, parts]) => start + parts.join('/'));

function entryOf(outside: string): fc.Arbitrary<TarEntry> {
  const path = pathOf(outside);
  const mode = fc.constantFrom(0o644, 0o755, 0, 0o4755, 0o1777);
  return fc.oneof(
    fc.record({ path, mode, type: fc.constant('file' as const), content: fc.constantFrom('', 'x', 'evil') }),
    fc.record({ path, mode, type: fc.constant('directory' as const) }),
    fc.record({ path, type: fc.constantFrom('symlink' as const, 'hardlink' as const), linkname: path }),
    fc.record({
      ...{ path, type: fc.constantFrom('char' as const, 'block' as const) },
      ...{ devMajor: fc.constantFrom(0, 1), devMinor: fc.constantFrom(0, 3) },
    }),
    fc.record({ path, mode, type: fc.constant('fifo' as const) }),
  );
}

if (jail === undefined) {
  test('any entries at all, in a user namespace', (t) => {
    const result = runInJail(import.meta.filename);
    if ('skipped' in result) t.skip(`no user namespace for an ordinary user: ${result.skipped}`);
    else assert.equal(result.status, 0, result.output);
  });
} else {
  const outside = join(jail, 'outside');
  const names = ['first', 'second', 'named', 'outside', 'layer.tar'];

  async function extract(
    entries: readonly TarEntry[],
    name: string,
    options: { lowers?: readonly string[]; marks?: MarkFormat },
  ): Promise<(ExtractedLayer & { readonly toc: Toc }) | undefined> {
    const tar = hostileTar(entries);
    const blob = join(jail as string, 'layer.tar');
    writeFileSync(blob, tar);
    try {
      const layer = await extractLayer(blob, digestOf(tar), join(jail as string, name), options);
      return { ...layer, toc: await tocOf(tar, options.lowers ?? []) };
    } catch (error) {
      assert.ok(isFailure(error, 'ARCHIVE', 'LIMIT', 'STORE', 'UNSUPPORTED'), String(error));
      // The one thing that the disk may refuse here.
      if (isFailure(error, 'STORE')) assert.match(error.message, /ENAMETOOLONG/);
      return undefined;
    }
  }

  async function tocOf(tar: Buffer, layers: readonly string[]): Promise<Toc> {
    const lowers = new LowerTree(layers, layerMarks('overlay', await loadSyscalls()));
    const tree = new LayerTree({ lowerLink: (path) => lowers.linkAt(path) });
    const ignore = (): void => {};
    await readLayer(Readable.from([tar]), {
      entry: (header) => void tree.apply(header),
      data: ignore,
      end: ignore,
    });
    return tree.toc();
  }

  /** What the table of contents says is what lies there, and nothing else does. */
  function assertHolds(
    name: string,
    { toc, skippedDevices, opaqueRoot, impliedRoot }: ExtractedLayer & { readonly toc: Toc },
    marks: MarkFormat,
  ): void {
    assert.equal(opaqueRoot, toc.opaque.includes(''));
    assert.equal(impliedRoot, toc.entries[0]?.path !== '');
    const root = join(jail as string, name);
    const skipped = new Set(skippedDevices);
    const expected = new Map(toc.entries.map((entry) => [entry.path, entry]));
    for (const [path, entry] of expected) {
      if (path === '' || skipped.has(path)) continue;
      const stats = lstatSync(joinFsPath(root, path));
      if (entry.type === 'directory') assert.ok(stats.isDirectory(), path);
      if (entry.type === 'symlink') assert.ok(stats.isSymbolicLink(), path);
      if (entry.type === 'file') assert.equal(stats.size, entry.size, path);
      if (entry.type === 'symlink')
        assert.equal(readlinkSync(joinFsPath(root, path), { encoding: 'latin1' }), entry.linkname);
    }
    const walk = (path: string): void => {
      for (const name of readdirSync(joinFsPath(root, path), { encoding: 'latin1' })) {
        const child = path === '' ? name : `${path}/${name}`;
        const stats = lstatSync(joinFsPath(root, child));
        const isMark =
          marks === 'names' ? name.startsWith('.wh.') : stats.isCharacterDevice() && stats.rdev === 0;
        if (isMark) continue;
        // A directory without an entry is one that the archive implies.
        assert.ok(expected.has(child) || stats.isDirectory(), `${child} is in no entry`);
        if (stats.isDirectory()) walk(child);
      }
    };
    walk('');
  }

  test('whatever a layer says, it stays in its directory, and is what its table of contents says', async () => {
    mkdirSync(outside);
    writeFileSync(join(outside, 'precious'), 'precious');
    const layer = fc.array(entryOf(outside), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(layer, layer, async (below, above) => {
        try {
          const first = await extract(below, 'first', {});
          if (first) assertHolds('first', first, 'overlay');
          const lowers = first ? [join(jail, 'first')] : [];
          const second = await extract(above, 'second', { lowers });
          if (second) assertHolds('second', second, 'overlay');
          const named = await extract(below, 'named', { marks: 'names' });
          assert.equal(named === undefined, first === undefined);
          if (named && first) {
            assertHolds('named', named, 'names');
            assert.deepEqual(named.toc, first.toc);
          }
          assert.deepEqual(readdirSync(outside), ['precious']);
          assert.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'precious');
          assert.deepEqual(
            readdirSync(jail).filter((name) => !names.includes(name)),
            [],
          );
        } finally {
          for (const name of ['first', 'second', 'named']) removeTree(join(jail, name));
        }
      }),
      { numRuns: sequences },
    );
    removeTree(outside);
  });
}
