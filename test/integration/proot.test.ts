import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { foreign, native } from './keeper-cases.ts';
import { prootLacks } from './proot-lacks.ts';
import { sandboxSuite } from './sandbox.suite.ts';

const emulator = foreign.architecture === 'arm64' ? 'qemu-aarch64-static' : 'qemu-x86_64-static';
const missing = withoutPrograms('proot', 'setpriv', emulator);

if (missing) test('proot', { skip: missing }, () => {});
else {
  // Programs that are not root's pass through every directory on the way, as the kernel sees it.
  const scratch = mkdtempSync('/var/tmp/polyarch-proot-');
  chmodSync(scratch, 0o755);
  const base = join(scratch, 'base');
  makeBaseImage(base, { platforms: [native, foreign].map(formatPlatform) });
  const data = join(scratch, 'data');
  mkdirSync(data);
  for (const platform of [native, foreign]) {
    sandboxSuite('proot', {
      start: () => startKeeper({ dataDirectory: data, platforms: [platform], sandbox: 'proot' }),
      tree: () => baseLayers(base, formatPlatform(platform)),
      platform,
      data,
      scratch: join(scratch, 'scratch'),
      lacks: prootLacks(join(scratch, 'volume')),
    });
  }
  test('a machine that refuses ptrace(2) is told of, not taken for a step that failed', async () => {
    const programs = join(scratch, 'refusing');
    mkdirSync(programs);
    // What proot says and does there.
    const refusal = 'proot error: ptrace(TRACEME): Operation not permitted';
    writeFileSync(join(programs, 'proot'), `#!/bin/sh\necho '${refusal}' >&2\nexit 1\n`, { mode: 0o755 });
    const { PATH } = process.env;
    process.env.PATH = `${programs}:${PATH}`;
    const keeper = await startKeeper({ dataDirectory: data, platforms: [native], sandbox: 'proot' });
    process.env.PATH = PATH;
    try {
      const step = { tree: [], platform: native, env: [], cwd: '/', user: '', hostname: 'x' };
      const ran = keeper.run({ ...step, args: ['/bin/true'], network: 'host' }, {});
      await assert.rejects(ran, {
        code: 'SANDBOX',
        message: /ptrace\(2\) is refused: proot error: ptrace\(TRACEME\)/,
      });
    } finally {
      await keeper.close();
    }
  });
  after(() => removeTree(scratch));
}
