import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { MergedView } from '../../../archive/merged-view.ts';
import type { TocEntry } from '../../../archive/toc.ts';
import { isFailure } from '../../../lib/errors.ts';
import { parseFileMode } from '../../../lib/file-mode.ts';
import { Accounts } from '../../sandbox/accounts.ts';
import { placeSelection } from './place-selection.ts';
import { planDirectory } from './plan-directory.ts';
import { RootedTree } from './rooted-tree.ts';
import { selectSources } from './select-sources.ts';
import type { TargetView } from './target-view.ts';

interface CopySpec {
  destination: string;
  chown?: string;
  chmod?: string;
}

const signal = new AbortController().signal;

function context(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'polyarch-place-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, 'd/sub'), { recursive: true });
  for (const [path, mode] of [
    ['a', 0o644],
    ['b', 0o755],
    ['d/x', 0o600],
    ['d/sub/y', 0o644],
  ] as const) {
    writeFileSync(join(root, path), path);
    chmodSync(join(root, path), mode);
  }
  chmodSync(join(root, 'd'), 0o700);
  chmodSync(join(root, 'd/sub'), 0o711);
  return root;
}

const accounts = new Accounts(
  'root:x:0:0::/root:/bin/sh\nbob:x:1000:1001::/:/bin/sh\n',
  'root:x:0:\nstaff:x:50:bob\n',
);

/** `dir` 1777, `link` → dir, `dangle` → nowhere, `file`. */
function target(): TargetView {
  const entry = (path: string, more: Partial<TocEntry>): TocEntry => ({
    path,
    type: 'directory',
    mode: 0o755,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 7,
    ...more,
  });
  const view = new MergedView([
    {
      entries: [
        entry('dir', { mode: 0o1777, uid: 3, gid: 4 }),
        entry('link', { type: 'symlink', linkname: '/dir' }),
        entry('dangle', { type: 'symlink', linkname: 'nowhere' }),
        entry('file', { type: 'file', mode: 0o644 }),
      ],
      whiteouts: [],
      opaque: [],
    },
  ]);
  return {
    lookup: (path) => view.lookup(path),
    resolve: (path) => view.resolve(path),
  };
}

async function placed(root: string, sources: string[], spec: CopySpec): Promise<string[]> {
  const selection = selectSources(new RootedTree(root), sources, { owners: 'zero', signal });
  const plan = await placeSelection(selection, target(), {
    destination: spec.destination,
    owner: spec.chown === undefined ? undefined : accounts.owner(spec.chown),
    mode: spec.chmod === undefined ? undefined : parseFileMode(spec.chmod),
    epoch: 9,
    now: 10,
  });
  return plan.entries.map(
    ({ header: h }) =>
      `${h.path} ${h.type} ${h.mode.toString(8)} ${h.uid}:${h.gid}${h.linkname === undefined ? '' : ` ${h.linkname}`}`,
  );
}

describe('where a COPY puts its files', () => {
  const cases: [string, string[], CopySpec, string[]][] = [
    ['a file under a new name', ['a'], { destination: '/n' }, ['n file 644 0:0']],
    [
      'a file into a new directory',
      ['a'],
      { destination: '/n/m/' },
      ['n directory 755 0:0', 'n/m directory 755 0:0', 'n/m/a file 644 0:0'],
    ],
    [
      'a file into an existing directory, which keeps its metadata',
      ['a'],
      { destination: '/dir' },
      ['dir directory 1777 3:4', 'dir/a file 644 0:0'],
    ],
    [
      'a file through a link',
      ['a'],
      { destination: '/link/' },
      ['dir directory 1777 3:4', 'dir/a file 644 0:0'],
    ],
    ['a file to where a dangling link leads', ['a'], { destination: '/dangle' }, ['nowhere file 644 0:0']],
    [
      'contents of a directory: a new top is 0755',
      ['d'],
      { destination: '/n' },
      ['n directory 755 0:0', 'n/sub directory 711 0:0', 'n/sub/y file 644 0:0', 'n/x file 600 0:0'],
    ],
    [
      'contents of a directory into the root',
      ['d'],
      { destination: '/' },
      ['sub directory 711 0:0', 'sub/y file 644 0:0', 'x file 600 0:0'],
    ],
    [
      'two directories are merged',
      ['d', 'd/sub'],
      { destination: '/n' },
      [
        'n directory 755 0:0',
        'n/sub directory 711 0:0',
        'n/sub/y file 644 0:0',
        'n/x file 600 0:0',
        'n/y file 644 0:0',
      ],
    ],
    [
      'several files',
      ['a', 'b'],
      { destination: '/n/' },
      ['n directory 755 0:0', 'n/a file 644 0:0', 'n/b file 755 0:0'],
    ],
    [
      'chmod and chown hold for directories made on the way',
      ['d/sub'],
      { destination: '/n/m', chmod: '600', chown: '5:6' },
      ['n directory 600 5:6', 'n/m directory 600 5:6', 'n/m/y file 600 5:6'],
    ],
    ['a number is the group too', ['a'], { destination: '/n', chown: '5' }, ['n file 644 5:5']],
    ['a name brings its group', ['a'], { destination: '/n', chown: 'bob' }, ['n file 644 1000:1001']],
    ['names of both', ['a'], { destination: '/n', chown: 'bob:staff' }, ['n file 644 1000:50']],
    ['a wildcard without match makes nothing', ['z*'], { destination: '/n/m/' }, []],
  ];
  for (const [name, sources, spec, expected] of cases) {
    test(name, async (t) => assert.deepEqual(await placed(context(t), sources, spec), expected));
  }

  const wrong: [string, string[], CopySpec, RegExp][] = [
    ['a directory onto a file', ['d'], { destination: '/file' }, /"\/file".*a directory onto/],
    ['a file below a file', ['a'], { destination: '/file/z' }, /"\/file".*no directory/],
    ['a file onto `file/`', ['a'], { destination: '/file/' }, /"\/file".*no directory/],
    ['an unknown user', ['a'], { destination: '/n', chown: 'eve' }, /no user "eve"/],
    ['an unknown group', ['a'], { destination: '/n', chown: 'bob:eve' }, /no group "eve"/],
    ['an id out of range', ['a'], { destination: '/n', chown: '4294967295' }, /no user or group id/],
  ];
  for (const [name, sources, spec, message] of wrong) {
    test(`refused: ${name}`, async (t) => {
      await assert.rejects(
        placed(context(t), sources, spec),
        (error) => isFailure(error) && message.test(error.message),
      );
    });
  }

  test('a name that would mean a deletion is refused', async (t) => {
    const root = context(t);
    writeFileSync(join(root, 'd/.wh.x'), '');
    await assert.rejects(placed(root, ['d'], { destination: '/n' }), (error) =>
      isFailure(error, 'UNSUPPORTED'),
    );
  });

  test('a nested directory does not go through a link that an earlier source put there', async (t) => {
    const root = context(t);
    mkdirSync(join(root, 'e'));
    symlinkSync('/dir', join(root, 'e/sub'));
    await assert.rejects(placed(root, ['e', 'd'], { destination: '/n/' }), (error) =>
      isFailure(error, 'STEP_FAILED'),
    );
  });

  test('names of one file stay together, but not with a name that was overwritten', async (t) => {
    const root = context(t);
    mkdirSync(join(root, 'h'));
    writeFileSync(join(root, 'h/x'), 'x');
    linkSync(join(root, 'h/x'), join(root, 'h/z'));
    chmodSync(join(root, 'h/x'), 0o644);
    const mode = ['n directory 755 0:0'];
    assert.deepEqual(await placed(root, ['h'], { destination: '/n/' }), [
      ...mode,
      'n/x file 644 0:0',
      'n/z hardlink 644 0:0 n/x',
    ]);
    assert.deepEqual(await placed(root, ['h', 'd/x'], { destination: '/n/' }), [
      ...mode,
      'n/x file 600 0:0',
      'n/z file 644 0:0',
    ]);
  });
});

describe('what a WORKDIR makes', () => {
  const made = async (path: string, user: string) =>
    planDirectory(path, target(), { owner: accounts.owner(user), now: 9 }).entries.map(
      ({ header: h }) => `${h.path} ${h.mode.toString(8)} ${h.uid}:${h.gid}`,
    );

  test('missing parents belong to the user, existing ones stay', async () => {
    assert.deepEqual(await made('/link/n/m', 'bob'), [
      'dir 1777 3:4',
      'dir/n 755 1000:1001',
      'dir/n/m 755 1000:1001',
    ]);
    assert.deepEqual(await made('/dir', '5'), []);
    await assert.rejects(made('/file/x', ''), (error) => isFailure(error, 'STEP_FAILED'));
  });
});
