import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { Snapshotter } from '../../src/build/snapshot/snapshotter.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { makeOrdinaryUser } from '../fixtures/ordinary-user.ts';
import { keeperCases, native } from './keeper-cases.ts';

// Root starts this file again in mount namespaces where the data directory lies on an overlayfs, which the kernel takes no upper directory on.
const inside = process.env.POLYARCH_TEST_TREES;
const expected = process.env.POLYARCH_TEST_SNAPSHOTTER as Snapshotter | undefined;

/** `$1`: a directory. `$2`: what stands in /dev/fuse's place. `$3`: the owner of the data directory. */
const prepare = `
  set -e
  mount -t tmpfs tmpfs "$1/space"
  mkdir "$1/space/lower" "$1/space/upper" "$1/space/work" "$1/space/data"
  chown "$3" "$1/space/upper"
  mount -t overlay overlay -o "lowerdir=$1/space/lower,upperdir=$1/space/upper,workdir=$1/space/work" "$1/space/data"
  if [ "$2" = fuse ]; then
    mknod "$1/space/fuse" c 10 229
    chmod 666 "$1/space/fuse"
    mount --bind "$1/space/fuse" /dev/fuse
  else mount --bind /dev/null /dev/fuse
  fi
  shift 3
  exec "$@"`;

if (inside !== undefined) {
  const who = process.getuid?.() === 0 ? 'root' : 'an ordinary user';
  const cases = { data: join(inside, 'space/data'), base: join(inside, 'base'), platform: native };
  keeperCases(`${expected} as ${who}`, { ...cases, snapshotter: expected });
} else {
  const missing =
    process.getuid?.() === 0
      ? existsSync('/dev/fuse')
        ? withoutPrograms('unshare', 'fuse-overlayfs', hasProgram('crun') ? 'crun' : 'runc')
        : 'needs /dev/fuse'
      : 'needs root, to mount an overlayfs';
  describe('a data directory on an overlayfs', { skip: missing, concurrency: 2 }, () => {
    let scratch: string;
    let user: ReturnType<typeof makeOrdinaryUser>;
    before(() => {
      scratch = mkdtempSync(join(tmpdir(), 'polyarch-trees-'));
      chmodSync(scratch, 0o755);
      mkdirSync(join(scratch, 'space'));
      makeBaseImage(join(scratch, 'base'), { platforms: [formatPlatform(native)] });
      user = makeOrdinaryUser();
    });
    after(() => {
      removeTree(scratch);
      if (typeof user !== 'string') user.remove();
    });

    async function runInside(command: readonly string[], snapshotter: string, owner: number): Promise<void> {
      const argv = ['--mount', '--propagation', 'private', 'sh', '-c', prepare, 'sh', scratch];
      argv.push(snapshotter === 'copy' ? 'none' : 'fuse', String(owner), ...command);
      const env = { POLYARCH_TEST_TREES: scratch, POLYARCH_TEST_SNAPSHOTTER: snapshotter };
      const { PATH } = process.env;
      await promisify(execFile)('unshare', argv, { env: { PATH, HOME: scratch, ...env } }).catch(
        ({ stdout, stderr }) => assert.fail(`${stdout}\n${stderr}`),
      );
    }
    const args = [
      ...['--disable-warning=ExperimentalWarning', '--test', '--test-isolation=none'],
      'test/integration/snapshotters.test.ts',
    ];

    for (const snapshotter of ['fuse-overlayfs', 'copy']) {
      test(`${snapshotter}, as root`, () => runInside([process.execPath, ...args], snapshotter, 0));
      test(`${snapshotter}, as an ordinary user`, async (context) => {
        if (typeof user === 'string') context.skip(user);
        else await runInside(user.program('node_modules/.bin/node', args), snapshotter, user.uid);
      });
    }
  });
}
