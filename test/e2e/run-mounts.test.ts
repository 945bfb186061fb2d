import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { contentsOf } from '../fixtures/contents-of.ts';
import { type Ended, polyarch, polyarchProgram, succeed } from '../fixtures/run-program.ts';

describe('what RUN mounts', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-run-mounts-'));
  const home = join(scratch, 'home');
  const context = join(scratch, 'context');
  const pushed = join(scratch, 'registry');
  const env: NodeJS.ProcessEnv = { ...process.env, POLYARCH_HOME: home };
  let registry: EmbeddedRegistry;
  let builds = 0;

  before(async () => {
    mkdirSync(pushed);
    mkdirSync(context);
    registry = await startRegistry(pushed, { env });
    await makeBaseImage(join(scratch, 'base'), { platforms: ['linux/amd64', 'linux/arm64'] }).push(
      `${registry.host}/base:1`,
    );
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  async function build(
    dockerfile: string,
    args: readonly string[] = [],
    more: NodeJS.ProcessEnv = {},
  ): Promise<Ended> {
    writeFileSync(join(context, 'Dockerfile'), `FROM ${registry.host}/base:1\n${dockerfile}\n`);
    // `run` keeps what it has pulled under its name.
    const name = ['-t', `${registry.host}/made:${++builds}`, '--push', '--progress', 'plain'];
    return await polyarch(['build', ...name, ...args, context], { env: { ...env, ...more } });
  }

  const run = async (...command: string[]) =>
    (await polyarch(['run', `${registry.host}/made:${builds}`, ...command], { env })).stdout;

  test('a secret is seen by its step, and is nowhere afterwards', async () => {
    const [file, variable] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
    writeFileSync(join(scratch, 'secret'), file);
    const carried = join(scratch, 'carried');
    mkdirSync(carried);
    const { stdout, stderr } = await build(
      [
        'RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN \\',
        '  md5sum /run/secrets/file > /sums; echo -n "$TOKEN" | md5sum >> /sums',
        'RUN --mount=type=cache,target=/cache --mount=type=secret,id=file echo "$TOKEN" > /cache/none',
      ].join('\n'),
      [
        ...['--secret', `id=file,src=${join(scratch, 'secret')}`, '--secret', 'id=variable,env=HERE'],
        ...['--cache-to', `type=registry,ref=${registry.host}/cache:1,mode=max`, '--cache-to', 'type=inline'],
        ...['--cache-to', `type=local,dest=${join(carried, 'steps')},mode=max`],
        ...['--cache-repo', `${registry.host}/steps`, '--metadata-file', join(carried, 'metadata')],
        ...['--cache-mounts-to', `type=local,dest=${join(carried, 'mounts')}`],
        ...['--cache-mounts-to', `${registry.host}/mounts:1`],
      ],
      { HERE: variable },
    );
    const why = await polyarch(['why', '--format', 'json'], { env });
    assert.match(why.stdout, /type=secret/);
    const sums = await run('cat', '/sums');
    for (const secret of [file, variable]) {
      const sum = execFileSync('md5sum', { input: secret, encoding: 'utf8' }).slice(0, 32);
      assert.ok(sums.includes(sum));
      assert.ok(![stdout, stderr, why.stdout, why.stderr].join().includes(secret));
      const found = [home, pushed, carried].flatMap((directory) =>
        [...contentsOf(directory)].filter(([, bytes]) => bytes.includes(secret)).map(([path]) => path),
      );
      assert.deepEqual(found, []);
    }
  });

  test('another value of a secret is no other build', async () => {
    const dockerfile = 'RUN --mount=type=secret,id=s,env=S head -c 16 /dev/urandom | md5sum > /random';
    const first = await build(dockerfile, ['--secret', 'id=s,env=S'], { S: 'one' });
    const second = await build(dockerfile, ['--secret', 'id=s,env=S'], { S: 'two' });
    const digest = ({ stdout }: Ended): string => /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? stdout;
    assert.equal(digest(second), digest(first));
  });

  test('an agent is reached through its socket', {
    skip: withoutPrograms('ssh-agent', 'ssh-add', 'ssh-keygen', 'ldd'),
  }, async () => {
    // The base image has no client: this machine's comes along.
    const tools = join(context, 'tools');
    mkdirSync(tools);
    const [program = ''] = execFileSync('sh', ['-c', 'command -v ssh-add'], { encoding: 'utf8' }).split('\n');
    for (const [path] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+/g))
      copyFileSync(path, join(tools, path.includes('ld-linux') ? 'ld' : basename(path)));
    copyFileSync(program, join(tools, 'ssh-add'));
    const socket = join(scratch, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(agent.stdout, 'data');
      const key = join(scratch, 'key');
      await succeed(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'of a test', '-f', key]);
      await succeed(['ssh-add', '-q', key], { env: { ...env, SSH_AUTH_SOCK: socket } });
      const list =
        'RUN --mount=type=ssh --mount=source=tools,target=/tools /tools/ld --library-path /tools /tools/ssh-add -l > /keys';
      await build(list, ['--ssh', 'default', '--platform', 'linux/amd64'], { SSH_AUTH_SOCK: socket });
      assert.match(await run('cat', '/keys'), /^256 SHA256:\S+ of a test \(ED25519\)\n$/);
      const again = ['--no-cache', '--platform', 'linux/amd64'];
      await build(list, ['--ssh', `default=${socket}`, ...again]);
      assert.equal(await run('ls', '-A', '/run'), '');

      // The user's keys are not the step's to take away.
      const empty = list.replace('ssh-add -l', 'ssh-add -D');
      await assert.rejects(build(empty, ['--ssh', `default=${socket}`, ...again]), /exit code 1/);

      // Keys without an agent: in this process alone, and nowhere afterwards.
      const other = join(scratch, 'other');
      await succeed(['ssh-keygen', '-q', '-t', 'ecdsa', '-N', '', '-C', 'another', '-f', other]);
      await build(list, ['--ssh', `default=${key},${other}`, ...again]);
      const listed = await run('cat', '/keys');
      assert.match(listed, /^256 \S+ of a test \(ED25519\)\n256 \S+ another \(ECDSA\)\n$/);
      const needle = readFileSync(key, 'latin1').split('\n')[2] ?? '';
      for (const directory of [home, pushed])
        for (const [path, bytes] of contentsOf(directory)) assert.ok(!bytes.includes(needle), path);
      await succeed(['ssh-keygen', '-q', '-p', '-N', 'secret words', '-P', '', '-f', key]);
      await assert.rejects(build(list, ['--ssh', `default=${key}`]), /hint: eval \$\(ssh-agent\) && ssh-add/);
    } finally {
      agent.kill();
      removeTree(tools);
    }
  });

  test('a cache outlives builds, is one for each platform, and is never pushed', async () => {
    const dockerfile =
      'RUN --mount=type=cache,target=/cache echo x >> /cache/lines; wc -l < /cache/lines > /count';
    const both = ['--no-cache', '--platform', 'linux/amd64,linux/arm64'];
    await build(dockerfile, both);
    await build(dockerfile, both);
    assert.equal(await run('cat', '/count'), '2\n');
    assert.equal((await run('ls', '/')).includes('cache'), false);
    const caches = readdirSync(join(home, 'cache-mounts')).map(
      (key) => JSON.parse(readFileSync(join(home, 'cache-mounts', key, 'cache.json'), 'utf8')) as object,
    );
    const own = caches.filter((cache) => 'id' in cache && cache.id === '/cache');
    assert.ok(own.some((cache) => 'platform' in cache && cache.platform === 'linux/arm64'));
    const repeated = await build(dockerfile, ['--platform', 'linux/amd64,linux/arm64']);
    assert.match(repeated.stderr, /CACHED/);
  });

  test('builds wait for a locked cache, and get it from one that was killed', async () => {
    const dockerfile = (script: string): string =>
      `RUN --mount=type=cache,id=locked,target=/cache,sharing=locked ${script}`;
    const file = join(scratch, 'holding');
    mkdirSync(file);
    writeFileSync(
      join(file, 'Dockerfile'),
      `FROM ${registry.host}/base:1\n${dockerfile('touch /cache/held; echo begun; sleep 4322')}\n`,
    );
    const holding = spawn(polyarchProgram, ['build', '--progress', 'plain', '--no-cache', file], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      holding.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (/^#\d+ \d\S* begun$/m.test(output)) resolve();
      });
      holding.once('close', () => reject(new Error(output)));
    });
    let done = false;
    const waiting = build(dockerfile('ls /cache > /seen'), ['--no-cache']).then(() => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(done, false);
    holding.kill('SIGKILL');
    await waiting;
    assert.equal(await run('cat', '/seen'), 'held\n');
  });
});
