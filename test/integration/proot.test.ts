import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
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
  after(() => removeTree(scratch));
}
