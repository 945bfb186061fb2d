import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { readTocFile } from '../../src/archive/toc.ts';
import type { KeeperClient } from '../../src/build/keeper/keeper-client.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { makeOrdinaryUser } from '../fixtures/ordinary-user.ts';
import { native } from './keeper-cases.ts';
import { runInKeeper } from './run-in-keeper.ts';

// Root starts this file once more: as an ordinary user for whom /etc/subuid has no line.
const inherited = process.env.POLYARCH_TEST_SINGLE_ID;

function cases(tier: 'oci' | 'chroot', scratch: string): void {
  describe(`one id, ${tier}`, { timeout: 900_000 }, () => {
    let keeper: KeeperClient;
    before(async () => {
      const data = join(scratch, `data-${tier}`);
      mkdirSync(data);
      keeper = await startKeeper({ dataDirectory: data, platforms: [native], sandbox: tier });
    });
    after(() => keeper.close());
    const run = (script: string, user = '') =>
      runInKeeper(
        { keeper, tree: baseLayers(join(scratch, 'base'), formatPlatform(native)), platform: native },
        script,
        { user },
      );

    test('what is lost is said, with what mends it', () => {
      assert.deepEqual(keeper.sandbox.rejected, []);
      assert.match(
        keeper.sandbox.losses.join('\n'),
        /subuid has no line.*chown succeeds and is forgotten.*usermod --add-subuids/,
      );
    });

    test('chown and a change of user succeed and change nothing; all that a step makes is root’s', async () => {
      const script = 'touch /f && chown 33:33 /f && stat -c "%u %g" /f; su www-data -s /bin/sh -c "id -u"';
      const { output, snapshot } = await run(script);
      assert.equal(output, '0 0\n0\n');
      assert.ok(snapshot);
      const toc = await readTocFile((await keeper.pack({ snapshot })).toc);
      const made = toc.entries.find(({ path }) => path === 'f');
      assert.deepEqual([made?.uid, made?.gid], [0, 0]);
    });

    test('a USER that is not root is refused', async () => {
      await assert.rejects(run('id', 'www-data'), { code: 'SANDBOX', message: /one id/ });
    });
  });
}

if (inherited !== undefined) for (const tier of ['oci', 'chroot'] as const) cases(tier, inherited);
else {
  test('an ordinary user without subordinate ids', {
    skip: withoutPrograms('unshare', 'runc'),
    timeout: 900_000,
  }, (context) => {
    const user = makeOrdinaryUser();
    if (typeof user === 'string') {
      context.skip(user);
      return;
    }
    const made = mkdtempSync(join(tmpdir(), 'polyarch-one-'));
    try {
      const own = join(user.home, 'one');
      mkdirSync(own);
      makeBaseImage(join(made, 'base'), { platforms: [formatPlatform(native)] });
      spawnSync('cp', ['-r', join(made, 'base'), own]);
      user.own(own);
      const command = user.program('node_modules/.bin/node', [
        '--disable-warning=ExperimentalWarning',
        ...['--test', '--test-isolation=none', 'test/integration/single-id.test.ts'],
      ]);
      const hide = 'mount --bind /dev/null /etc/subuid && exec "$@"';
      const env = { PATH: process.env.PATH, HOME: user.home, POLYARCH_TEST_SINGLE_ID: own };
      const { status, stdout, stderr } = spawnSync(
        'unshare',
        ['--mount', '--propagation', 'private', 'sh', '-c', hide, 'sh', ...command],
        { env, encoding: 'utf8', timeout: 800_000 },
      );
      assert.equal(status, 0, `${stdout}\n${stderr}`);
    } finally {
      user.remove();
      removeTree(made);
    }
  });
}
