import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { CacheItem } from '../../src/app/cache/cache-item.ts';
import type { CheckedCache } from '../../src/app/cache/check-cache.ts';
import type { MeasuredCache } from '../../src/app/cache/measure-cache.ts';
import type { PrunedCache } from '../../src/app/cache/prune-cache.ts';
import type { ExplainedBuild } from '../../src/app/why/explain-last-build.ts';
import { formatPlatform, hostPlatform } from '../../src/oci/platform.ts';
import { hasProgram, withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarch, polyarchProgram, runProgram, succeed } from '../fixtures/run-program.ts';

/** The second RUN lasts until whoever listens on PORT hangs up; nobody listens: it goes on at once. */
const dockerfile = `
FROM base
ARG PORT=1
RUN --mount=type=cache,target=/cache mkdir -p /big && head -c 300000 /dev/urandom > /big/a && date > /cache/d
COPY src /src
RUN mkfifo /f && nc 127.0.0.1 $PORT <> /f; rm /f; cat /src/a /big/a > /sum
RUN wc -c /sum > /size
`;

const missing = withoutPrograms('unshare', hasProgram('crun') ? 'crun' : 'runc');

describe('the cache of this machine', { skip: missing, timeout: 600_000 }, () => {
  let scratch: string;
  let context: string;
  before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'polyarch-cache-'));
    context = join(scratch, 'context');
    mkdirSync(join(context, 'src'), { recursive: true });
    writeFileSync(join(context, 'src/a'), 'a\n');
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    makeBaseImage(join(scratch, 'base'), { platforms: [formatPlatform(hostPlatform())] });
  });
  after(() => removeTree(scratch));

  /** A data directory of its own. */
  function machine(name: string) {
    const home = join(scratch, name);
    const env = { ...process.env, POLYARCH_HOME: home, SOURCE_DATE_EPOCH: '1700000000' };
    const buildArgs = (...more: string[]) => [
      ...['build', '--build-context', `base=oci-layout://${join(scratch, 'base')}`],
      ...['--progress', 'plain', ...more, context],
    ];
    const json = async <T>(...args: string[]): Promise<T> => {
      // Exit code 1 is an answer too.
      const { stdout, stderr } = await runProgram([polyarchProgram, 'cache', ...args, '--format', 'json'], {
        env,
      });
      assert.ok(stdout !== '', stderr);
      return JSON.parse(stdout) as T;
    };
    return {
      home,
      env,
      buildArgs,
      build: (...more: string[]) => polyarch(buildArgs(...more), { env }),
      ls: () => json<CacheItem[]>('ls'),
      du: () => json<MeasuredCache>('du'),
      prune: (...args: string[]) => json<PrunedCache>('prune', ...args),
      check: () => json<CheckedCache>('check'),
    };
  }

  const kindsOf = (items: readonly CacheItem[]) => [...new Set(items.map(({ kind }) => kind))].sort();

  test('it is measured, pruned by size and age, and nothing is lost that is in use', async () => {
    const { home, build, ls, du, prune, check } = machine('one');
    assert.deepEqual(await ls(), []);
    await build('-t', 'app:1');
    assert.deepEqual(kindsOf(await ls()), ['cache-mount', 'layer', 'memo', 'snapshot']);

    const { total, usage } = await du();
    const { stdout } = await succeed(['du', '-s', '--block-size=1', home]);
    const counted = Number(stdout.split('\t')[0]);
    assert.ok(Math.abs(total.size - counted) <= 16_384, `${total.size} of ${counted}`);
    assert.equal(
      usage.reduce((sum, { size }) => sum + size, 0),
      total.size,
    );

    const limit = Math.floor(total.reclaimable / 2);
    const some = await prune('--max-used-space', `${limit}b`);
    assert.ok(some.removed.length > 0 && some.left <= limit, `${some.left} of ${limit}`);
    assert.deepEqual(some.inUse, []);
    const rest = await prune();
    assert.equal(rest.left, 0);
    assert.deepEqual((await check()).findings, []);
    // Layers that the image shares are known still.
    assert.match((await build('-t', 'app:1')).stderr, /CACHED|cached/);
    await prune('--all');
    assert.deepEqual(await ls(), []);
  });

  test('a check finds a truncated blob, a lost one, a leftover and a foreign owner, and says what to type', async () => {
    const { home, build, ls, check, prune } = machine('checked');
    await build('-t', 'app:1');
    const blobs = join(home, 'store/blobs/sha256');
    const layer = (await ls()).find(({ kind, size }) => kind === 'layer' && size > 100_000);
    const big = join(blobs, layer?.id.replace('sha256:', '') ?? '');
    await chmod(big, 0o644);
    truncateSync(big, 1000);
    const left = join(home, 'tocs', `${'0'.repeat(64)}.json.1.abc.tmp`);
    await succeed(['touch', left]);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await succeed(['chown', '1:1', join(home, 'tocs')]);
    const found = (await check()).findings.filter(({ level }) => level === 'wrong');
    assert.deepEqual(found.map(({ kind }) => kind).sort(), [
      'content',
      'image',
      ...(isRoot ? ['owner'] : []),
    ]);
    const damaged = found.find(({ kind }) => kind === 'content');
    assert.equal(damaged?.hint, `rm -f ${big}`);
    await succeed(['sh', '-c', damaged?.hint ?? '']);
    if (isRoot) await succeed(['chown', '0:0', join(home, 'tocs')]);
    const lost = (await check()).findings;
    assert.deepEqual([...new Set(lost.map(({ kind }) => kind))].sort(), ['image', 'record', 'temporary']);
    assert.match(lost.find(({ kind }) => kind === 'image')?.hint ?? '', /^polyarch pull app:1/);
    await build('-t', 'app:1');
    await prune('--keep-duration', '365d');
    assert.deepEqual((await check()).findings, []);
  });

  test('polyarch why names the files, variables and steps that made a step run', async () => {
    const { env, buildArgs } = machine('why');
    const why = async (...args: string[]) => {
      const { stdout } = await polyarch(['why', ...args, '--format', 'json'], { env });
      return (JSON.parse(stdout) as ExplainedBuild).steps;
    };
    const own = join(scratch, 'why-context');
    await succeed(['cp', '-r', context, own]);
    const args = ['-t', 'app:1', own];
    const run = () => polyarch([...buildArgs().slice(0, -1), ...args], { env });
    await run();
    assert.deepEqual((await why('app:1'))[0]?.reasons, [{ kind: 'new' }]);
    writeFileSync(join(own, 'src/a'), 'another\n');
    writeFileSync(join(own, 'src/b'), 'b\n');
    await run();
    const steps = await why();
    assert.deepEqual(
      steps.map(({ state }) => state),
      ['cached', 'ran', 'ran', 'ran'],
    );
    const changed = { path: 'src/a', change: 'changed' };
    assert.deepEqual(steps[1]?.reasons, [
      { kind: 'files', files: [changed, { path: 'src/b', change: 'added' }], more: 0 },
    ]);
    assert.deepEqual(steps[2]?.reasons, [{ kind: 'step', stage: '0', number: 3, text: 'COPY src /src' }]);
    // What finds every step tells nothing new.
    await run();
    assert.deepEqual(await why('[0 3/5]'), [steps[1]]);
  });

  test('cache mounts go to a directory and come back on a machine that is empty, owners and all', async () => {
    const own = join(scratch, 'mounts-context');
    mkdirSync(own);
    const mount = '--mount=type=cache,target=/c,uid=5,gid=6,mode=0750';
    writeFileSync(
      join(own, 'Dockerfile'),
      `FROM base\nRUN ${mount} echo x >> /c/runs && chown 33:44 /c/runs && ln -sf runs /c/link && stat -c '%u:%g %a' /c /c/runs > /out && cat /c/runs >> /out\n`,
    );
    const carried = join(scratch, 'carried');
    const run = async (name: string, ...more: string[]) => {
      const { env, buildArgs } = machine(name);
      const { stderr } = await polyarch([...buildArgs(...more, '-t', 'app:1').slice(0, -1), own], { env });
      return { stderr, out: (await polyarch(['run', 'app:1', 'cat', '/out'], { env })).stdout };
    };
    const first = await run('from', '--cache-mounts-to', `type=local,dest=${carried}`);
    assert.equal(first.out, '5:6 750\n33:44 644\nx\n');
    const from = ['--cache-mounts-from', `type=local,src=${carried}`];
    const second = await run('to', ...from, '--cache-mounts-from', `type=local,src=${join(scratch, 'none')}`);
    assert.equal(second.out, '5:6 750\n33:44 644\nx\nx\n');
    assert.match(second.stderr, /warning: cache oci:.*none/);
  });

  test('two builds of the same graph at once come to the same image: what one runs the other waits for', async () => {
    const { build, check, ls } = machine('two');
    const [one, other] = await Promise.all([build('-t', 'app:1'), build('-t', 'app:2')]);
    const digestOf = (text: string) => /@(sha256:[0-9a-f]{64})/.exec(text)?.[1];
    assert.ok(digestOf(one.stdout + one.stderr));
    // A step writes random bytes.
    assert.equal(digestOf(one.stdout + one.stderr), digestOf(other.stdout + other.stderr));
    assert.match(one.stderr + other.stderr, /another build of this machine runs this step/);
    assert.deepEqual((await check()).findings, []);
    // The base was extracted once, whoever was first.
    const base = (await ls()).filter(({ kind, size }) => kind === 'snapshot' && size > 1_000_000);
    assert.equal(new Set(base.map(({ name }) => name)).size, base.length);
  });

  test('a prune beside a running build leaves what it uses, says so, and the build goes on', async () => {
    const { env, buildArgs, build, prune, check } = machine('beside');
    await build();
    const door = await listen();
    try {
      writeFileSync(join(context, 'src/a'), 'changed\n');
      const building = start(buildArgs('--build-arg', `PORT=${door.port}`, '-t', 'app:1'), env);
      await door.knocked;
      const pruned = await prune();
      assert.ok(pruned.removed.length > 0, 'the layers of the build before');
      assert.deepEqual(
        kindsOf(pruned.inUse).filter((kind) => kind !== 'memo'),
        ['content', 'layer', 'snapshot'],
      );
      door.open();
      assert.equal(await building.ended, 0, building.output());
    } finally {
      door.close();
    }
    assert.deepEqual((await check()).findings, []);
    await polyarch(['run', 'app:1', 'cat', '/size'], { env });
  });

  test('builds go on while another process prunes again and again', async () => {
    const { env, build, prune, check } = machine('garbage');
    const turns = 4;
    let pruned = 0;
    let over = false;
    const pruneOn = async (): Promise<void> => {
      for (; !over; pruned++) {
        await prune('--all');
        await polyarch(['images', 'prune'], { env });
      }
    };
    const pruning = pruneOn();
    try {
      for (let turn = 0; turn < turns; turn++) {
        writeFileSync(join(context, 'src/a'), `${turn}\n`);
        await build('-t', `app:${turn}`, '--gc', 'max-used-space=100k,reserved-space=0');
      }
    } finally {
      over = true;
      await pruning;
    }
    assert.ok(pruned > 1);
    assert.deepEqual((await check()).findings, []);
    for (let turn = 0; turn < turns; turn++) await polyarch(['run', `app:${turn}`, 'cat', '/size'], { env });
  });

  test('a prune that is killed leaves nothing wrong, among the records or among the snapshots', async () => {
    const { home, env, build, check } = machine('killed');
    await build('-t', 'app:1');
    await polyarch(['images', 'rm', 'app:1'], { env });
    for (const count of [
      () => readdirSync(join(home, 'cache/steps'), { recursive: true }).length,
      () => readdirSync(join(home, 'snapshots/by-diff')).length,
    ]) {
      const all = count();
      const pruning = start(['cache', 'prune'], env);
      while (count() === all && pruning.child.exitCode === null) await sleep(1);
      pruning.child.kill('SIGKILL');
      await pruning.ended;
      assert.ok(count() < all);
      assert.deepEqual(wrong(await check()), []);
    }
    await build('-t', 'app:1');
    assert.deepEqual((await check()).findings, []);
  });
});

function wrong({ findings }: CheckedCache) {
  return findings.filter(({ level }) => level === 'wrong');
}

function start(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child: ChildProcess = spawn(polyarchProgram, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, output: () => output };
}

/** A port that a step waits at. */
async function listen() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    knocked: once(server, 'connection'),
    open,
    close() {
      open();
      server.close();
    },
  };
}
