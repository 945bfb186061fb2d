import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { startKeeper } from '../../src/build/keeper/start-keeper.ts';
import type { Tier } from '../../src/build/sandbox/tier.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { baseLayers } from '../fixtures/base-layers.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { native } from './keeper-cases.ts';

const patienceMilliseconds = 20_000;

/** A main process in the middle of a step: it says so, and then waits to be killed. */
const script = (data: string, base: string, sandbox: Tier): string => `
  import { startKeeper } from ${JSON.stringify(resolve('src/build/keeper/start-keeper.ts'))};
  import { baseLayers } from ${JSON.stringify(resolve('test/fixtures/base-layers.ts'))};
  const platform = ${JSON.stringify(native)};
  const keeper = await startKeeper({ dataDirectory: ${JSON.stringify(data)}, platforms: [platform], sandbox: '${sandbox}' });
  await keeper.run(
    {
      tree: baseLayers(${JSON.stringify(base)}, ${JSON.stringify(formatPlatform(native))}),
      platform, args: ['/bin/sh', '-c', 'touch /here; echo begun; sleep 5432 & sleep 5432'],
      env: ['PATH=/bin'], cwd: '/', user: '', network: 'host', hostname: 'h',
    },
    { stdout: () => process.stdout.write('begun') },
  );
`;

function procFiles(name: 'mounts' | 'cmdline'): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^[0-9]+$/.test(pid))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/${name}`, 'latin1')];
      } catch {
        return [];
      }
    });
}

function cgroups(): string[] {
  return readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\brun-\d+$/.test(path),
  );
}

for (const [sandbox, missing] of [
  ['oci', withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc')],
  ['chroot', withoutPrograms('unshare')],
  ['proot', withoutPrograms('proot', 'setpriv')],
] as const) {
  describe(
    `a main process that is killed in the middle of a step, ${sandbox}`,
    { skip: missing, timeout: 900_000 },
    () => killedCases(sandbox),
  );
}

function killedCases(sandbox: Tier): void {
  let scratch: string;
  let base: string;
  let data: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-killed-'));
    base = join(scratch, 'base');
    data = join(scratch, 'data');
    mkdirSync(data);
    makeBaseImage(base, { platforms: [formatPlatform(native)] });
  });
  after(() => removeTree(scratch));

  async function begin(): Promise<ChildProcess> {
    const args = [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '--eval',
      script(data, base, sandbox),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((begun, failed) => {
      child.stdout?.once('data', begun);
      child.once('exit', () => failed(new Error('it ended by itself')));
    });
    return child;
  }

  function leftovers(): string[] {
    const left: string[] = [];
    if (procFiles('mounts').some((text) => text.includes(data))) left.push('a mount');
    if (procFiles('cmdline').some((text) => text.includes('sleep\x005432'))) left.push('a process');
    return [...left, ...cgroups()];
  }

  async function assertGone(): Promise<void> {
    for (const until = Date.now() + patienceMilliseconds; leftovers().length > 0 && Date.now() < until; )
      await sleep(50);
    assert.deepEqual(leftovers(), []);
  }

  const keepers = (): string[] => readdirSync(join(data, 'keeper'));

  /** Snapshots that no finished layer stands for. */
  function unpublished(): string[] {
    const names = readdirSync(join(data, 'snapshots')).filter((name) => /^[0-9a-f]{8}-/.test(name));
    return names.length > baseLayers(base, formatPlatform(native)).length ? names : [];
  }

  test('its keeper tidies up behind it', async () => {
    const child = await begin();
    assert.notDeepEqual(leftovers(), []);
    child.kill('SIGKILL');
    await assertGone();
    for (const until = Date.now() + patienceMilliseconds; keepers().length > 0 && Date.now() < until; )
      await sleep(50);
    assert.deepEqual(keepers(), []);
    assert.deepEqual(unpublished(), []);
  });

  test('killed together with the keeper, the next keeper does', async () => {
    const child = await begin();
    const keeper = processOf(`"dataDirectory":"${data}"`);
    process.kill(keeper, 'SIGKILL');
    child.kill('SIGKILL');
    // Without namespaces only whoever comes next can end what is left.
    if (sandbox !== 'proot') await assertGone();
    assert.equal(readdirSync(join(data, 'keeper')).length, 1);
    assert.notDeepEqual(unpublished(), []);
    const next = await startKeeper({ dataDirectory: data, platforms: [native], sandbox });
    await next.close();
    await assertGone();
    assert.deepEqual(readdirSync(join(data, 'keeper')), []);
    assert.deepEqual(unpublished(), []);
  });
}

/** The innermost process whose command line has `text`. */
function processOf(text: string): number {
  const found = readdirSync('/proc').filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
  return Math.max(...found.map(Number));
}
