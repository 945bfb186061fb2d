import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimSource } from '../../build/sources/claim-source.ts';
import { contentFromBytes } from '../../content/content.ts';
import { LayoutStore } from '../../content/layout/layout-store.ts';
import { digestOf, hexOf } from '../../lib/digest.ts';
import { measureCache } from './measure-cache.ts';
import { pruneCache } from './prune-cache.ts';

/** Nothing here needs a keeper: no step ran. */
describe('what was fetched, and what nobody has any more', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;
  let store: LayoutStore;
  const names = async () => [
    ...(await readdir(join(home, 'sources/files'))).filter((name) => name !== 'lock'),
    ...(await readdir(join(home, 'sources/git'))).filter((name) => name !== 'lock'),
  ];
  const [file, checkout] = [hexOf(digestOf('file')), hexOf(digestOf('checkout'))];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'polyarch-prune-'));
    env = { POLYARCH_HOME: home };
    store = await LayoutStore.open(join(home, 'store'), { create: true });
    await mkdir(join(home, 'sources/files'), { recursive: true });
    await mkdir(join(home, 'sources/git', checkout, 'deep/er'), { recursive: true });
    await writeFile(join(home, 'sources/files', file), 'a file');
    await writeFile(join(home, 'sources/git', checkout, 'deep/er/file'), 'a file');
    await writeFile(join(home, 'sources/files/.download-1-abc'), 'half a file');
  });
  afterEach(() => rm(home, { recursive: true }));

  test('goes, with what a killed download left', async () => {
    const bytes = Buffer.from('a layer');
    const blob = { mediaType: 'x', digest: digestOf(bytes), size: bytes.length };
    await store.push(blob, contentFromBytes(bytes));
    const { total } = await measureCache({ env });
    const { removed, inUse, left } = await pruneCache({ env });
    assert.deepEqual(removed.map(({ kind }) => kind).sort(), ['content', 'source', 'source']);
    assert.deepEqual([inUse, left], [[], 0]);
    assert.deepEqual(await names(), []);
    assert.ok((await measureCache({ env })).total.size < total.size);
  });

  test('a dry run and a long memory leave it', async () => {
    assert.equal((await pruneCache({ env, dryRun: true })).removed.length, 2);
    assert.equal((await pruneCache({ env, keepDuration: 3600 })).removed.length, 0);
    assert.deepEqual((await names()).sort(), [checkout, file].sort());
  });

  test('what somebody claims while he has a lease stays, and is told', async () => {
    // The file system's clock moves in steps of up to 10 ms.
    await sleep(20);
    await store.lease();
    assert.notEqual(await claimSource(join(home, 'sources/files', file)), undefined);
    const { removed, inUse } = await pruneCache({ env });
    assert.deepEqual(
      [removed, inUse].map((items) => items.map(({ id }) => id)),
      [[join('sources/git', checkout)], [join('sources/files', file)]],
    );
    assert.equal(await claimSource(join(home, 'sources/git', checkout)), undefined);
  });
});
