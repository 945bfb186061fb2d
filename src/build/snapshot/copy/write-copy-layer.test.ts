import assert from 'node:assert/strict';
import {
  appendFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { readToc } from '../../../archive/read-toc.ts';
import { digestOf } from '../../../lib/digest.ts';
import { isFailure } from '../../../lib/errors.ts';
import { ContextHasher } from './context-hasher.ts';
import { placeSelection } from './place-selection.ts';
import { RootedTree } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';
import type { TargetView } from './target-view.ts';
import { writeCopyLayer } from './write-copy-layer.ts';

const signal = new AbortController().signal;
const scratchTarget: TargetView = {
  lookup: (path) =>
    path === '' ? { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 } : undefined,
  resolve: (path) => path,
};

function scratch(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'polyarch-write-copy-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'c'));
  writeFileSync(join(root, 'c/small'), 'small');
  writeFileSync(join(root, 'c/big'), Buffer.alloc(3 * 1024 * 1024 + 5, 'big'));
  // Old enough not to be racy.
  for (const name of ['small', 'big']) utimesSync(join(root, 'c', name), 1_000_000, 1_000_000);
  return root;
}

async function planned(root: string, hasher?: ContextHasher) {
  const selection = selectSources(new RootedTree(join(root, 'c')), ['.'], { owners: 'zero', signal });
  await selection.digest({ signal, ...(hasher && { hash: hasher.hash }) });
  const plan = await placeSelection(selection, scratchTarget, { destination: '/', epoch: 5, now: 9 });
  return { plan, expected: selection.hashed };
}

async function write(root: string, name: string) {
  const { plan, expected } = await planned(root);
  return await writeCopyLayer(plan, join(root, name), { signal, expected });
}

describe('the layer of a COPY', () => {
  test('holds what was planned, the same bytes each time', async (t) => {
    const root = scratch(t);
    const first = await write(root, 'one');
    const second = await write(root, 'two');
    assert.deepEqual(second, first);
    const blob = readFileSync(join(root, 'one'));
    assert.equal(digestOf(blob), first.descriptor.digest);
    assert.equal(digestOf(gunzipSync(blob)), first.diffId);
    const toc = await readToc(createReadStream(join(root, 'one')), first.diffId);
    assert.deepEqual(
      toc.entries.map((entry) => [entry.path, entry.size, entry.mtime]),
      [
        ['big', 3 * 1024 * 1024 + 5, 5],
        ['small', 5, 5],
      ],
    );
  });

  for (const name of ['small', 'big']) {
    test(`a ${name} file that changed since it was hashed fails and leaves nothing`, async (t) => {
      const root = scratch(t);
      const { plan, expected } = await planned(root);
      appendFileSync(join(root, 'c', name), '!');
      utimesSync(join(root, 'c', name), 1_000_000, 1_000_000);
      await assert.rejects(writeCopyLayer(plan, join(root, 'one'), { signal, expected }), (error) =>
        isFailure(error, 'CONTENT_INVALID'),
      );
      assert.equal(existsSync(join(root, 'one')), false);
    });

    test(`a ${name} file of other bytes but equal size and times is noticed`, async (t) => {
      const root = scratch(t);
      const { plan, expected } = await planned(root);
      const bytes = readFileSync(join(root, 'c', name));
      bytes[0] = 0x21;
      writeFileSync(join(root, 'c', name), bytes);
      utimesSync(join(root, 'c', name), 1_000_000, 1_000_000);
      await assert.rejects(writeCopyLayer(plan, join(root, 'one'), { signal, expected }), (error) =>
        isFailure(error, 'CONTENT_INVALID'),
      );
    });
  }
});

describe('the memory of a context', () => {
  test('a second look reads nothing, a changed file again', async (t) => {
    const root = scratch(t);
    const cache = join(root, 'cache');
    await new Promise((resolve) => setTimeout(resolve, 80));
    const open = () => new ContextHasher(cache, join(root, 'c'));
    const look = async () => {
      const hasher = open();
      await planned(root, hasher);
      await hasher.save();
      return hasher.misses;
    };
    assert.equal(await look(), 2);
    assert.equal(await look(), 0);
    writeFileSync(join(root, 'c/small'), 'SMALL');
    utimesSync(join(root, 'c/small'), 1_000_000, 1_000_000);
    assert.equal(await look(), 1, 'ctime tells');
  });
});
