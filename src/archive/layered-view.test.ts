import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { isFailure } from '../lib/errors.ts';
import { LayerTree } from './layer-tree.ts';
import { LayeredView } from './layered-view.ts';
import { MergedView } from './merged-view.ts';
import { serialiseToc, type Toc } from './toc.ts';
import { TocFile } from './toc-file.ts';

const base = { mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
const names = fc.constantFrom('a', 'a-b', 'a0', 'b', 'c');
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const entries = fc.oneof(
  fc.record({ path: paths, type: fc.constantFrom('file' as const, 'directory' as const) }),
  fc.record({
    path: paths,
    type: fc.constant('symlink' as const),
    linkname: fc.constantFrom('a', '/b', '../c', 'a/b'),
  }),
  paths.map((path) => ({ path: path.replace(/[^/]*$/, '.wh.$&'), type: 'file' as const })),
  paths.map((path) => ({ path: `${path}/.wh..wh..opq`, type: 'file' as const })),
);

/** What a tar with these entries has, as every layer's table of contents is made. */
function tocOf(
  headers: readonly { readonly path: string; readonly type: 'file' | 'directory' | 'symlink' }[],
): Toc {
  const tree = new LayerTree();
  for (const header of headers) {
    try {
      tree.apply({ ...base, ...header });
    } catch (error) {
      // A name below a file.
      if (!isFailure(error, 'ARCHIVE')) throw error;
    }
  }
  return tree.toc();
}

describe('LayeredView', () => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-layered-'));
  after(() => rmSync(directory, { recursive: true }));
  let files = 0;

  async function viewOf(layers: readonly Toc[]): Promise<LayeredView> {
    return new LayeredView(
      await Promise.all(
        layers.map(async (toc) => {
          const path = join(directory, `${files++}`);
          writeFileSync(path, serialiseToc(toc));
          return await TocFile.open(path);
        }),
      ),
    );
  }

  test('shows of any layers what they show when they are put together', async () => {
    const layers = fc.array(fc.array(entries, { maxLength: 8 }).map(tocOf), { maxLength: 4 });
    const asked = fc.array(fc.oneof(paths, fc.constant('')), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(layers, asked, async (tocs, questions) => {
        const [lazy, whole] = [await viewOf(tocs), new MergedView(tocs)];
        for (const path of questions) {
          assert.deepEqual(lazy.lookup(path), whole.lookup(path), `lookup ${path}`);
          assert.equal(lazy.hasNames(path), whole.readdir(path).length > 0, `names of ${path}`);
          assert.equal(resolved(lazy, path), resolved(whole, path), `resolve ${path}`);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('of many names reads the few that lead to what is asked for', async () => {
    const many = Array.from({ length: 5000 }, (_, n) => ({ path: `d/${n}/f`, type: 'file' as const }));
    const view = await viewOf([
      tocOf(many),
      tocOf([
        { path: '.wh.d', type: 'file' },
        { path: 'd/1/g', type: 'file' },
      ]),
    ]);
    assert.equal(view.lookup('d/1/g')?.type, 'file');
    assert.equal(view.lookup('d/1/f'), undefined);
    assert.equal(view.lookup('d/4999'), undefined);
    assert.equal(view.hasNames('d/2'), false);
  });

  test('a tower of directories goes without a tower of calls', async () => {
    const deep = Array.from({ length: 12_000 }, () => 'd').join('/');
    const view = await viewOf([
      { entries: [{ ...base, path: deep, type: 'file' }], whiteouts: [], opaque: [] },
    ]);
    assert.equal(view.lookup(deep)?.type, 'file');
    assert.equal(view.lookup('d/d')?.type, 'directory');
  });
});

function resolved(view: { resolve(path: string): string }, path: string): string {
  try {
    return view.resolve(path);
  } catch {
    return 'too many links';
  }
}
