import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { polyarchProgram } from '../fixtures/run-program.ts';

/** How long what a killed build leaves may take to go. */
const patienceMilliseconds = 20_000;

function filesOf(pattern: 'mounts' | 'cmdline'): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/${pattern}`, 'latin1');
      } catch {
        return '';
      }
    });
}

describe('a build that is ended in the middle of a RUN', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-interrupts-'));
  const home = join(scratch, 'home');
  const env = { ...process.env, POLYARCH_HOME: home };
  let registry: EmbeddedRegistry;

  before(async () => {
    mkdirSync(join(scratch, 'registry'));
    mkdirSync(join(scratch, 'context'));
    registry = await startRegistry(join(scratch, 'registry'), { env });
    await makeBaseImage(join(scratch, 'base')).push(`${registry.host}/base:1`);
    writeFileSync(
      join(scratch, 'context/Dockerfile'),
      `FROM ${registry.host}/base:1\nRUN echo begun; sleep 4321\n`,
    );
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  /** What of the build is still there. */
  function leftovers(): string[] {
    const left: string[] = [];
    if (filesOf('mounts').some((text) => text.includes(scratch))) left.push('a mount');
    if (filesOf('cmdline').some((text) => text.includes(home) || text.includes('sleep\x004321')))
      left.push('a process');
    left.push(...cgroups().filter((path) => !earlier.has(path)), ...runtimeStates());
    return left;
  }

  /** What holds a build's steps to `--memory`, and what runc and crun would make for a program of a keeper: all that was not there when the suite began. */
  function cgroups(): string[] {
    return readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' }).filter((path) =>
      /(?:^|\/)(?:(?:crun-|step-)?run-\d+(?:\.scope)?|polyarch-[0-9a-f]{8}(?:\.scope)?)$/.test(path),
    );
  }

  /** The runtimes' own places for containers (`--root`), and the keepers'. */
  function runtimeStates(): string[] {
    const uid = process.getuid?.() ?? 0;
    const keepers = join(home, 'keeper');
    const own = existsSync(keepers) ? readdirSync(keepers).map((id) => join(keepers, id, 'runtime')) : [];
    const places = ['/run/runc', '/run/crun', `/run/user/${uid}/runc`, `/run/user/${uid}/crun`, ...own];
    return places.filter(existsSync).flatMap((place) =>
      readdirSync(place)
        .filter((name) => /^run-\d+$/.test(name))
        .map((name) => join(place, name)),
    );
  }

  const earlier = new Set(cgroups());

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 130],
    ['SIGKILL', null],
  ] as const) {
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      test(`${signal} on ${platform} leaves no mount, process, cgroup or state of a runtime`, async () => {
        const args = [
          'build',
          '--platform',
          platform,
          '--no-cache',
          '--progress',
          'plain',
          '--memory',
          '512m',
          join(scratch, 'context'),
        ];
        const child = spawn(polyarchProgram, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
        const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
        await outputOf(child).has(/^#\d+ \d\S* begun$/m);
        child.kill(signal);
        assert.equal(await ended, code);
        const until = Date.now() + patienceMilliseconds;
        while (leftovers().length > 0 && Date.now() < until) await sleep(50);
        assert.deepEqual(leftovers(), []);
        if (signal !== 'SIGKILL') assert.deepEqual(readdirSync(join(home, 'keeper')), []);
      });
    }
  }

  test('a third signal ends a build at once whose keeper does not end', async () => {
    const args = ['build', '--no-cache', '--progress', 'plain', join(scratch, 'context')];
    const child = spawn(polyarchProgram, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const output = outputOf(child);
    await output.has(/^#\d+ \d\S* begun$/m);
    const [keeper] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      .split(' ')
      .map(Number);
    assert.ok(keeper);
    // The first process of its namespace: what stops it from outside is this alone.
    const first = Number(readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8').split(' ')[0]);
    process.kill(first, 'SIGSTOP');
    for (let signals = 0; signals < 3; signals++) {
      child.kill('SIGINT');
      await sleep(50);
    }
    assert.equal(await ended, 130);
    assert.match(output.text(), /^error: Interrupted 3 times/m);
    process.kill(first, 'SIGCONT');
    const until = Date.now() + patienceMilliseconds;
    while (leftovers().length > 0 && Date.now() < until) await sleep(50);
    assert.deepEqual(leftovers(), []);
  });
});

function outputOf(child: ChildProcess): {
  readonly text: () => string;
  readonly has: (pattern: RegExp) => Promise<void>;
} {
  let text = '';
  const waiting = new Set<() => void>();
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    for (const look of waiting) look();
  });
  return {
    text: () => text,
    has: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (pattern.test(text)) resolve();
        };
        waiting.add(look);
        look();
        child.once('close', () => reject(new Error(text)));
      }),
  };
}
