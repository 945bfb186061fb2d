import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { bytesOfPath } from '../../../archive/byte-path.ts';
import { isFailure } from '../../../lib/errors.ts';
import { RootedTree, type RootedTreeOptions } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';
import { hashFile } from './selection.ts';

const signal = new AbortController().signal;

/** `<scratch>/root` is the tree; `<scratch>/secret` must never be seen through it. */
function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-select-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'root'));
  mkdirSync(join(directory, 'secret'));
  writeFileSync(join(directory, 'secret/key'), 'secret');
  return directory;
}

function write(root: string, path: string, text = path): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), 0o644);
}

function select(
  root: string,
  sources: string[],
  options: RootedTreeOptions = {},
  owners: 'zero' | 'keep' = 'zero',
) {
  return selectSources(new RootedTree(root, options), sources, { owners, signal });
}

function paths(selection: ReturnType<typeof select>): string[] {
  return selection.items.flatMap((item) => item.entries.map((entry) => `${item.name}|${entry.path}`));
}

describe('which files a COPY reads', () => {
  test('literals, directories, wildcards and escapes', (t) => {
    const root = join(scratch(t), 'root');
    for (const path of ['a.txt', 'b.txt', 'dir/x', 'dir/sub/y', 'star*', 'back\\slash']) write(root, path);
    const cases: [string, string[]][] = [
      ['a.txt', ['a.txt|']],
      ['/../a.txt', ['a.txt|']],
      ['*.txt', ['a.txt|', 'b.txt|']],
      ['dir', ['dir|', 'dir|sub', 'dir|sub/y', 'dir|x']],
      ['d*/s*', ['sub|', 'sub|y']],
      ['dir/*', ['sub|', 'sub|y', 'x|']],
      ['sta[r]\\*', ['star*|']],
      ['back\\slash', ['back\\slash|']],
      ['*.none', []],
    ];
    for (const [pattern, expected] of cases)
      assert.deepEqual(paths(select(root, [pattern])), expected, pattern);
  });

  test('a literal that is missing or excluded fails, and says which', (t) => {
    const root = join(scratch(t), 'root');
    write(root, 'a');
    assert.throws(
      () => select(root, ['nope']),
      (error) => isFailure(error, 'NOT_FOUND') && /"nope"/.test(error.message),
    );
    const include = () => 'exclude' as const;
    assert.throws(
      () => select(root, ['a'], { include }),
      (error) => isFailure(error, 'NOT_FOUND') && /excluded/.test(error.message),
    );
    assert.throws(
      () => select(root, ['[']),
      (error) => isFailure(error, 'DOCKERFILE'),
    );
  });

  test('an excluded directory appears only when something below is included', (t) => {
    const root = join(scratch(t), 'root');
    for (const path of ['d/keep', 'd/drop', 'e/drop']) write(root, path);
    const include = (path: string, isDirectory: boolean) =>
      path === 'd/keep' ? 'include' : isDirectory ? 'exclude-but-descend' : 'exclude';
    assert.deepEqual(paths(select(root, ['.'], { include })), ['|', '|d', '|d/keep']);
    assert.deepEqual(paths(select(root, ['*'], { include })), ['d|', 'd|keep']);
  });

  test('names that are not UTF-8 survive', (t) => {
    const root = join(scratch(t), 'root');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), '');
    const name = select(root, ['.']).items[0]?.entries[1]?.path ?? '';
    assert.deepEqual(bytesOfPath(name), Buffer.from([0x66, 0xff]));
  });

  test('the named link is followed inside the root, links below stay links', (t) => {
    const root = join(scratch(t), 'root');
    write(root, 'real/f');
    symlinkSync('/real', join(root, 'link'));
    symlinkSync('f', join(root, 'real/inner'));
    const entries = select(root, ['link']).items[0]?.entries ?? [];
    assert.deepEqual(
      entries.map((entry) => [entry.path, entry.kind, entry.link]),
      [
        ['', 'directory', undefined],
        ['f', 'file', undefined],
        ['inner', 'symlink', 'f'],
      ],
    );
  });
});

describe('the digest of a selection', () => {
  const digest = (root: string, sources: string[]) => select(root, sources).digest({ signal });

  test('follows content, mode and names, not times', async (t) => {
    const root = join(scratch(t), 'root');
    write(root, 'd/f', 'one');
    const before = await digest(root, ['d']);
    utimesSync(join(root, 'd/f'), 1, 1);
    assert.equal(await digest(root, ['d']), before);
    chmodSync(join(root, 'd/f'), 0o664);
    assert.notEqual(await digest(root, ['d']), before);
    chmodSync(join(root, 'd/f'), 0o644);
    writeFileSync(join(root, 'd/f'), 'two');
    assert.notEqual(await digest(root, ['d']), before);
    writeFileSync(join(root, 'd/f'), 'one');
    renameSync(join(root, 'd'), join(root, 'e'));
    assert.equal(
      await digest(root, ['e']),
      before,
      'a directory copies its contents, its own name does not count',
    );
    renameSync(join(root, 'e/f'), join(root, 'e/g'));
    assert.notEqual(await digest(root, ['e']), before);
  });

  test('tells a hard link from a copy', async (t) => {
    const root = join(scratch(t), 'root');
    write(root, 'd/a', 'same');
    write(root, 'd/b', 'same');
    const copies = await digest(root, ['d']);
    rmSync(join(root, 'd/b'));
    linkSync(join(root, 'd/a'), join(root, 'd/b'));
    assert.notEqual(await digest(root, ['d']), copies);
  });

  test('fails when a file changed since it was selected', async (t) => {
    const root = join(scratch(t), 'root');
    write(root, 'f', 'one');
    const selection = select(root, ['f']);
    writeFileSync(join(root, 'f'), 'longer');
    await assert.rejects(selection.digest({ signal }), (error) => isFailure(error, 'CONTENT_INVALID'));
  });
});

describe('nothing outside the root is read', () => {
  test('a parent swapped for a link after the selection is noticed', async (t) => {
    const directory = scratch(t);
    const root = join(directory, 'root');
    write(root, 'd/key', 'public');
    const selection = select(root, ['d/key']);
    const entry = selection.items[0]?.entries[0];
    assert.ok(entry);
    // The very same inode, reached by a path outside: only the descriptor's own path tells.
    renameSync(join(root, 'd'), join(directory, 'moved'));
    symlinkSync('../moved', join(root, 'd'));
    await assert.rejects(hashFile(entry), (error) => isFailure(error, 'CONTENT_INVALID'));
  });

  test('no chain of links leads out', (t) => {
    const directory = scratch(t);
    const part = fc.constantFrom('..', '.', 'a', 'b', 'c', 'secret', 'key');
    const link = fc.tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 6 }));
    const names = fc.tuple(link, link, link, fc.array(part, { minLength: 1, maxLength: 5 }));
    fc.assert(
      fc.property(names, ([a, b, c, source]) => {
        const root = mkdtempSync(join(directory, 'root-'));
        for (const [index, [absolute, parts]] of [a, b, c].entries()) {
          const outside = absolute && index === 0 ? directory : absolute ? '' : '.';
          symlinkSync(`${outside}/${parts.join('/')}`, join(root, 'abc'[index] ?? ''));
        }
        let selection: ReturnType<typeof select>;
        try {
          selection = select(root, [source.join('/')]);
        } catch (error) {
          assert.ok(isFailure(error), String(error));
          return;
        }
        for (const item of selection.items) {
          for (const entry of item.entries) assert.notEqual(entry.kind, 'file', entry.source);
        }
      }),
      { numRuns: 100 },
    );
  });
});
