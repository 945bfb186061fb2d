import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import { cgroupHierarchies } from '../../src/build/sandbox/cgroups/cgroup-hierarchies.ts';
import type { StepResources } from '../../src/build/sandbox/cgroups/step-resources.ts';
import { readTextOrUndefined } from '../../src/lib/read-text.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { makeOrdinaryUser } from '../fixtures/ordinary-user.ts';
import { foreign, native } from './keeper-cases.ts';
import { runInKeeper } from './run-in-keeper.ts';

// Root runs this file as itself, then starts it once more as an ordinary user, in a group that it gave to that one.
const inherited = process.env.POLYARCH_TEST_RESOURCES;
const scratch = inherited ?? mkdtempSync(join(tmpdir(), 'polyarch-resources-'));
const base = join(scratch, 'base');
const parent = 'polyarch-test';
const hierarchies = cgroupHierarchies(
  readTextOrUndefined('/proc/self/mountinfo') ?? '',
  readTextOrUndefined('/proc/self/cgroup') ?? '',
);
/** Of version 1: what root can give away beside what others do. */
const first = ['memory', 'cpu', 'cpuset'].flatMap(
  (name) => hierarchies.find(({ controllers }) => controllers.includes(name))?.mountPoint ?? [],
);

/** Groups of builds, wherever. */
function groups(): string[] {
  return hierarchies.flatMap(({ mountPoint }) =>
    readdirSync(mountPoint, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /(^|\/)(polyarch-[0-9a-f]{8}|step-run-\d+)$/.test(path),
    ),
  );
}

const missing = withoutPrograms('unshare', 'runc', 'crun', 'qemu-aarch64-static') || cannotLimit();

function cannotLimit(): string | false {
  if (first.length === 3 || existsSync('/sys/fs/cgroup/cgroup.controllers')) return false;
  return 'no control groups of memory, cpu and cpuset are mounted';
}

const script = `awk 'BEGIN { s = "x"; while (length(s) < 200000000) s = s s }'`;

describe('what a step may use', { skip: missing, timeout: 900_000 }, () => {
  if (missing) return;
  chmodSync(scratch, 0o755);
  if (!existsSync(base)) makeBaseImage(base, { platforms: [native, foreign].map(formatPlatform) });
  after(() => {
    if (inherited === undefined) removeTree(scratch);
  });
  const who = process.getuid?.() === 0 ? 'as root' : 'as an ordinary user';
  const data = join(scratch, `data-${process.getuid?.()}`);
  mkdirSync(data, { recursive: true });
  const resources: StepResources = {
    ...{ memory: 64 << 20, cpus: 1, cpusetCpus: '0' },
    ...(inherited !== undefined && first.length > 0 ? { cgroupParent: parent } : {}),
  };
  const kinds = [
    ['oci', native],
    ['chroot', native],
    // crun, inside a user namespace.
    ...(inherited === undefined ? [['oci', foreign] as const] : []),
  ] as const;
  for (const [sandbox, platform] of kinds) {
    test(`${sandbox} ${who}, ${formatPlatform(platform)}: held to it, told so, and nothing left`, async () => {
      const keeper = await startKeeper({ dataDirectory: data, platforms: [platform], sandbox, resources });
      try {
        const shell = { keeper, tree: baseLayers(base, formatPlatform(platform)), platform };
        const used = await runInKeeper(shell, script);
        assert.equal(used.exitCode, 137, used.output);
        assert.equal(used.memoryKills, 1);
        const spared = await runInKeeper(shell, 'grep Cpus_allowed_list /proc/self/status');
        assert.deepEqual([spared.exitCode, spared.output], [0, 'Cpus_allowed_list:\t0\n']);
        assert.equal(spared.memoryKills, undefined);
        const lines = first.length > 0 ? first : ['/sys/fs/cgroup'];
        assert.deepEqual(groups().length, lines.length, 'steps leave their own groups behind');
      } finally {
        await keeper.close();
      }
      assert.deepEqual(groups(), []);
    });
  }

  test('proot refuses, and so does a limit that the kernel does not know', async () => {
    const start = (sandbox: 'proot' | 'oci', wanted: StepResources) =>
      startKeeper({ dataDirectory: data, platforms: [native], sandbox, resources: wanted });
    await assert.rejects(start('proot', resources), { code: 'SANDBOX', message: /no control group/ });
    const keeper = await start('oci', { ...resources, cpusetCpus: '4000' });
    try {
      const shell = { keeper, tree: baseLayers(base, formatPlatform(native)), platform: native };
      await assert.rejects(runInKeeper(shell, ':'), { code: 'SANDBOX', message: /cpuset\.cpus.*4000/ });
    } finally {
      await keeper.close();
    }
    assert.deepEqual(groups(), []);
  });

  test('the same as an ordinary user, in a group of its own', {
    skip:
      inherited !== undefined
        ? 'it is one'
        : first.length === 0
          ? 'systemd gives groups on version 2'
          : false,
  }, (context) => {
    const user = makeOrdinaryUser();
    if (typeof user === 'string') {
      context.skip(user);
      return;
    }
    const given = first.map((mountPoint) => join(mountPoint, parent));
    try {
      const own = join(user.home, 'resources');
      mkdirSync(own);
      spawnSync('cp', ['-r', base, own]);
      user.own(own);
      for (const path of given) {
        mkdirSync(path);
        chownSync(path, user.uid, user.uid);
      }
      const cpuset = 'for f in cpus mems; do cat ../cpuset.$f >cpuset.$f; done';
      spawnSync('sh', ['-c', cpuset], { cwd: given.at(-1) });
      const [program, ...args] = user.program('node_modules/.bin/node', [
        '--disable-warning=ExperimentalWarning',
        ...['--test', '--test-isolation=none', 'test/integration/step-resources.test.ts'],
      ]);
      const env = { PATH: process.env.PATH, HOME: user.home, POLYARCH_TEST_RESOURCES: own };
      const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' });
      assert.equal(status, 0, `${stdout}\n${stderr}`);
    } finally {
      user.remove();
      for (const path of given.filter(existsSync)) rmdirSync(path);
    }
  });
});
