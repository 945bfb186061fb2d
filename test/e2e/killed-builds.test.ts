import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { formatPlatform, hostPlatform } from '../../src/oci/platform.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarch, polyarchProgram } from '../fixtures/run-program.ts';

const kills = 6;
const dockerfile = `FROM base
ARG TURN
RUN cat /bin/busybox > /one && echo "$TURN" > /turn
COPY random /copied
RUN cat /copied > /two && rm /one
`;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('builds that are killed at any point', {
  skip: withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc'),
}, () => {
  let scratch: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-kills-'));
    makeBaseImage(join(scratch, 'base'), { platforms: [formatPlatform(hostPlatform())] });
    mkdirSync(join(scratch, 'context'));
    writeFileSync(join(scratch, 'context/Dockerfile'), dockerfile);
    writeFileSync(join(scratch, 'context/random'), randomBytes(2 * 1024 * 1024));
  });
  after(() => removeTree(scratch));

  const envOf = (home: string): NodeJS.ProcessEnv => ({
    ...{ ...process.env, POLYARCH_HOME: join(scratch, home) },
    SOURCE_DATE_EPOCH: '1600000000',
  });
  const argsOf = (turn: string): string[] => [
    ...['build', '--progress', 'quiet', '-t', 'localhost/killed', '--build-arg', `TURN=${turn}`],
    ...['--build-context', `base=oci-layout://${join(scratch, 'base')}`, join(scratch, 'context')],
  ];

  async function build(home: string): Promise<string> {
    const { stdout } = await polyarch(argsOf('last'), { env: envOf(home) });
    return /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? stdout;
  }

  /** Processes and mounts that have to do with a data directory. */
  function leftovers(home: string): number[] {
    const path = join(scratch, home);
    const has = (pid: string, file: string): boolean => {
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(path);
      } catch {
        return false;
      }
    };
    return readdirSync('/proc')
      .filter((pid) => /^[0-9]+$/.test(pid) && (has(pid, 'mounts') || has(pid, 'cmdline')))
      .map(Number);
  }

  async function assertGone(home: string): Promise<void> {
    while (leftovers(home).length > 0) await sleep(20);
  }

  test('leave nothing behind that the next one minds', { timeout: 300_000 }, async (context) => {
    const seed = randomInt(2 ** 31);
    context.diagnostic(`seed ${seed}`);
    const next = random(seed);
    const start = performance.now();
    const whole = await build('whole');
    const milliseconds = performance.now() - start;
    for (let turn = 0; turn < kills; turn++) {
      const child = spawn(polyarchProgram, argsOf(String(turn)), { env: envOf('home'), stdio: 'ignore' });
      const ended = new Promise((resolve) => child.once('close', resolve));
      await sleep(next() * milliseconds);
      // Half of them together with their keepers, which then tidy up nothing.
      if (next() < 0.5) for (const pid of leftovers('home')) kill(pid);
      child.kill('SIGKILL');
      await ended;
      await assertGone('home');
    }
    assert.equal(await build('home'), whole);
    await assertGone('home');
    assert.deepEqual(readdirSync(join(scratch, 'home/keeper')), []);
    const env = envOf('home');
    assert.match((await polyarch(['cache', 'check'], { env })).stdout, /nothing wrong/);
    // A lease of a process that is gone holds nothing; the next collection takes it away.
    await polyarch(['images', 'prune'], { env });
    assert.deepEqual(readdirSync(join(scratch, 'home/store/leases')), []);
    assert.match((await polyarch(['cache', 'check'], { env })).stdout, /nothing wrong/);
  });
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
