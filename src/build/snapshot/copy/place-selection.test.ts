import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MergedView } from '../../../archive/merged-view.ts';
import type { TocEntry } from '../../../archive/toc.ts';
import { parseFileMode } from '../../../lib/file-mode.ts';
import { type PlaceOptions, placeSelection } from './place-selection.ts';
import { planDirectory } from './plan-directory.ts';
import { RootedTree } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';
import { writeCopyLayer } from './write-copy-layer.ts';

const { signal } = new AbortController();
const base = { uid: 0, gid: 0, size: 0, mtime: 5 };
const directory = (path: string, mode = 0o755): TocEntry => ({ ...base, path, type: 'directory', mode });
const target = new MergedView([
  {
    entries: [
      directory('tmp', 0o1777),
      directory('usr'),
      directory('usr/lib', 0o711),
      { ...base, path: 'lib', type: 'symlink', mode: 0o777, linkname: 'usr/lib' },
      { ...base, path: 'etc/motd', type: 'file', mode: 0o644 },
    ],
    whiteouts: [],
    opaque: [],
  },
]);
let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'place-'));
  mkdirSync(join(root, 'app/sub'), { recursive: true });
  writeFileSync(join(root, 'app/a'), 'a', { mode: 0o600 });
  writeFileSync(join(root, 'app/sub/b'), 'bb');
  linkSync(join(root, 'app/a'), join(root, 'app/z'));
  symlinkSync('a', join(root, 'app/link'));
  utimesSync(join(root, 'app/a'), 1000, 1000);
});
after(() => rmSync(root, { recursive: true }));

async function placed(sources: string[], destination: string, options: Partial<PlaceOptions> = {}) {
  const tree = new RootedTree(root);
  const plan = await placeSelection(selectSources(tree, sources, { owners: 'zero', signal }), target, {
    destination,
    now: 9,
    ...options,
  });
  const lines = plan.entries.map(
    ({ header }) => `${header.path} ${header.type} ${header.mode.toString(8)} ${header.uid}:${header.gid}`,
  );
  return { plan, lines };
}

describe('placeSelection', () => {
  test('a directory gives its contents, hard links and links kept, ids zeroed', async () => {
    const { plan, lines } = await placed(['app'], '/srv/x');
    assert.deepEqual(lines, [
      'srv directory 755 0:0',
      'srv/x directory 755 0:0',
      'srv/x/a file 600 0:0',
      'srv/x/link symlink 777 0:0',
      'srv/x/sub directory 755 0:0',
      'srv/x/sub/b file 644 0:0',
      'srv/x/z hardlink 600 0:0',
    ]);
    assert.equal(plan.entries.at(-1)?.header.linkname, 'srv/x/a');
  });

  test('a file goes below a directory, or takes the name', async () => {
    assert.deepEqual((await placed(['app/a'], '/tmp')).lines, [
      'tmp directory 1777 0:0',
      'tmp/a file 600 0:0',
    ]);
    assert.deepEqual((await placed(['app/a'], '/new')).lines, ['new file 600 0:0']);
    assert.deepEqual((await placed(['app/a'], '/new/')).lines, [
      'new directory 755 0:0',
      'new/a file 600 0:0',
    ]);
  });

  test("the target's links are followed and its directories keep their metadata", async () => {
    assert.deepEqual((await placed(['app/a'], '/lib/')).lines, [
      'usr directory 755 0:0',
      'usr/lib directory 711 0:0',
      'usr/lib/a file 600 0:0',
    ]);
  });

  test('--chown owns what is copied and made, --chmod sets modes, the epoch clamps', async () => {
    const { plan, lines } = await placed(['app/a'], '/n/', {
      owner: { uid: 33, gid: 34 },
      mode: parseFileMode('640'),
      epoch: 7,
    });
    assert.deepEqual(lines, ['n directory 640 33:34', 'n/a file 640 33:34']);
    assert.deepEqual(
      plan.entries.map(({ header }) => header.mtime),
      [7, 7],
    );
  });

  test("the destination of a directory takes the directory's time, be it new or there", async () => {
    utimesSync(join(root, 'app'), 3000, 3000);
    const time = async (destination: string, epoch?: number) => {
      const { plan } = await placed(['app', 'app/sub'], destination, { epoch });
      return plan.entries
        .map(({ header }) => [header.path, header.mtime])
        .filter(([path]) => /^(?:srv|usr)/.test(`${path}`));
    };
    utimesSync(join(root, 'app/sub'), 2000, 2000);
    assert.deepEqual((await time('/srv/x')).slice(0, 2), [
      ['srv', 9],
      ['srv/x', 2000],
    ]);
    assert.deepEqual((await time('/lib')).slice(0, 2), [
      ['usr', 5],
      ['usr/lib', 2000],
    ]);
    assert.deepEqual((await time('/lib', 1500)).slice(0, 2), [
      ['usr', 5],
      ['usr/lib', 1500],
    ]);
    assert.equal((await placed(['app'], '/')).plan.entries[0]?.header.path, 'a');
    assert.equal((await placed(['app/a'], '/usr')).plan.entries[0]?.header.mtime, 5);
  });

  test('a file does not become a directory', async () => {
    await assert.rejects(placed(['app'], '/etc/motd'), { code: 'STEP_FAILED' });
  });

  test('facts name only what was looked at: an unrelated base gives the same', async () => {
    const other = new MergedView([
      { entries: [directory('tmp', 0o1777), directory('home')], whiteouts: [], opaque: [] },
    ]);
    const tree = new RootedTree(root);
    const selection = selectSources(tree, ['app/a'], { owners: 'zero', signal });
    const [one, two] = await Promise.all(
      [target, other].map((view) => placeSelection(selection, view, { destination: '/tmp/', now: 9 })),
    );
    assert.equal(one?.facts, two?.facts);
  });

  test('WORKDIR makes what is missing and nothing else', async () => {
    const made = planDirectory('/usr/lib/x/y', target, { owner: { uid: 1, gid: 2 }, now: 9 });
    assert.deepEqual(
      made.entries.map(({ header }) => `${header.path} ${header.mode.toString(8)} ${header.uid}`),
      ['usr 755 0', 'usr/lib 711 0', 'usr/lib/x 755 1', 'usr/lib/x/y 755 1'],
    );
    assert.deepEqual(planDirectory('/lib', target, { now: 9 }).entries, []);
    // Another layer has another key.
    const facts = [target, new MergedView([])].map((view) => planDirectory('/usr', view, { now: 9 }).facts);
    assert.notEqual(facts[0], facts[1]);
  });

  test('the layer holds what was planned', async () => {
    const { plan } = await placed(['app'], '/srv');
    const path = join(root, 'layer');
    const layer = await writeCopyLayer(plan, path, { signal });
    assert.equal(layer.toc.entries.length, plan.entries.length);
    assert.equal(execFileSync('tar', ['-xOzf', path, 'srv/sub/b'], { encoding: 'utf8' }), 'bb');
  });

  test('a file that changes after it was selected is refused, and nothing is left', async () => {
    const { plan } = await placed(['app/sub'], '/srv');
    writeFileSync(join(root, 'app/sub/b'), 'changed');
    const path = join(root, 'torn');
    await assert.rejects(writeCopyLayer(plan, path, { signal }), { code: 'CONTENT_INVALID' });
    await assert.rejects(
      import('node:fs/promises').then((fs) => fs.stat(path)),
      { code: 'ENOENT' },
    );
  });
});
