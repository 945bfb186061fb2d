import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { makeOrdinaryUser } from '../fixtures/ordinary-user.ts';
import { foreign, keeperCases, native } from './keeper-cases.ts';
import { sandboxSuite } from './sandbox.suite.ts';

// Root runs this file as itself, then starts it once more as an ordinary user, with a directory of that user's.
const inherited = process.env.POLYARCH_TEST_KEEPER;
const missing = withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc');
const emulator = withoutPrograms(
  foreign.architecture === 'arm64' ? 'qemu-aarch64-static' : 'qemu-x86_64-static',
);

const scratch = inherited ?? mkdtempSync(join(tmpdir(), 'polyarch-keeper-'));
const base = join(scratch, 'base');
chmodSync(scratch, 0o755);

if (missing) test('keeper', { skip: missing }, () => {});
else {
  if (!existsSync(base)) makeBaseImage(base, { platforms: [native, foreign].map(formatPlatform) });
  const who = process.getuid?.() === 0 ? 'as root' : 'as an ordinary user';
  for (const platform of [native, foreign]) {
    if (platform === foreign && emulator) {
      test(`${who}, ${formatPlatform(foreign)}`, { skip: emulator }, () => {});
      continue;
    }
    const data = join(scratch, `data-${who.replaceAll(' ', '-')}`);
    mkdirSync(data, { recursive: true });
    keeperCases(who, { data, base, platform });
    // Emulation is the same for both users and both tiers: once is enough.
    if (platform === foreign && inherited !== undefined) continue;
    for (const tier of platform === native ? (['oci', 'chroot'] as const) : (['oci'] as const)) {
      sandboxSuite(`${tier} ${who}`, {
        start: () => startKeeper({ dataDirectory: data, platforms: [platform], sandbox: tier }),
        tree: () => baseLayers(base, formatPlatform(platform)),
        platform,
        data,
        scratch: join(scratch, `scratch-${who.replaceAll(' ', '-')}`),
      });
    }
  }
}

test('the same as an ordinary user', {
  skip: inherited ? 'it is one' : missing,
  timeout: 900_000,
}, (context) => {
  const user = makeOrdinaryUser();
  if (typeof user === 'string') {
    context.skip(user);
    return;
  }
  try {
    const own = join(user.home, 'keeper');
    mkdirSync(own);
    spawnSync('cp', ['-r', base, own]);
    user.own(own);
    const [program, ...args] = user.program('node_modules/.bin/node', [
      '--disable-warning=ExperimentalWarning',
      ...['--test', '--test-isolation=none', 'test/integration/keeper.test.ts'],
    ]);
    const env = { PATH: process.env.PATH, HOME: user.home, POLYARCH_TEST_KEEPER: own };
    const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8', timeout: 800_000 });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  } finally {
    user.remove();
  }
});

after(() => {
  if (inherited === undefined) removeTree(scratch);
});
