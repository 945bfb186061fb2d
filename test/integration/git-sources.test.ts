import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as listen } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { GitRepositories } from '../../src/build/sources/git-repositories.ts';
import { type ErrorCode, isFailure } from '../../src/lib/errors.ts';

const { signal } = new AbortController();
const scratch = mkdtempSync(join(tmpdir(), 'polyarch-git-'));
const served = join(scratch, 'served');
const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@a',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@a',
};

function git(directory: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'protocol.file.allow=always', '-C', join(served, directory), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      ...identity,
      GIT_AUTHOR_DATE: '1000000000 +0000',
      GIT_COMMITTER_DATE: '1000000000 +0000',
      GIT_CONFIG_GLOBAL: '/dev/null',
    },
  }).trim();
}

function commit(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(served, directory, path, '..'), { recursive: true });
    writeFileSync(join(served, directory, path), text);
  }
  git(directory, 'add', '-A');
  git(directory, 'commit', '-qm', 'x');
  return git(directory, 'rev-parse', 'HEAD');
}

async function freePort(): Promise<number> {
  const server = listen();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function serveHttp(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function answers(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).unref();
      socket.on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('git repositories as sources', () => {
  let remote = '';
  let daemon: ReturnType<typeof spawn>;
  let first = '';
  let second = '';
  let home = 0;
  const repositories = () =>
    new GitRepositories({ directory: join(scratch, `home${++home}`), env: process.env });
  const one = repositories();

  before(async () => {
    for (const name of ['sub', 'main', 'evil']) {
      mkdirSync(join(served, name), { recursive: true });
      git(name, 'init', '-q', '-b', 'main');
    }
    commit('sub', { s: 'sub' });
    writeFileSync(join(scratch, 'secret'), 'secret');
    first = commit('main', { f: 'one', 'd/e/x': 'x', run: '#!/bin/sh\n' });
    git('main', 'tag', 'v1');
    git('main', 'tag', '-a', '-m', 'annotated', 'v2');
    git('main', 'branch', 'v1-branch');
    execFileSync('chmod', ['755', join(served, 'main/run')]);
    execFileSync('ln', ['-s', '/etc', join(served, 'main/link')]);
    second = commit('main', { f: 'two' });
    git('main', 'submodule', 'add', '-q', '../sub', 'module');
    second = commit('main', { f: 'three' });
    const port = await freePort();
    daemon = spawn(
      'git',
      [
        'daemon',
        '--reuseaddr',
        '--listen=127.0.0.1',
        `--port=${port}`,
        '--export-all',
        `--base-path=${served}`,
        served,
      ],
      { stdio: 'ignore', detached: true },
    );
    await answers(port);
    remote = `git://127.0.0.1:${port}`;
    // What a submodule of a hostile repository may try.
    git('evil', 'submodule', 'add', '-q', '../sub', 'module');
    const modules = `[submodule "module"]\n\tpath = module\n\turl = ${join(served, 'sub')}\n`;
    commit('evil', { '.gitmodules': modules });
    git('evil', 'branch', 'by-path');
    commit('evil', {
      '.gitmodules': modules.replace(/url = .*/, `url = ext::sh -c "touch ${scratch}/pwned"`),
    });
    git('evil', 'branch', 'by-command');
  });
  after(() => {
    if (daemon?.pid !== undefined) process.kill(-daemon.pid);
    rmSync(scratch, { recursive: true });
  });

  test('the default branch, with its submodules and modes, and no trace of git', async () => {
    const { directory, commit: found } = await one.checkOut({ remote: `${remote}/main` }, { signal });
    assert.equal(found, second);
    assert.deepEqual(readdirSync(directory).sort(), ['.gitmodules', 'd', 'f', 'link', 'module', 'run']);
    assert.equal(readFileSync(join(directory, 'f'), 'utf8'), 'three');
    assert.deepEqual(readdirSync(join(directory, 'module')), ['s']);
    assert.equal(lstatSync(join(directory, 'run')).mode & 0o777, 0o755);
    assert.equal(lstatSync(join(directory, 'f')).mode & 0o777, 0o644);
    const again = await one.checkOut({ remote: `${remote}/main`, ref: second }, { signal });
    assert.equal(again.directory, directory, 'a commit is checked out once');
  });

  for (const ref of ['v1', 'v2', 'refs/tags/v1', 'v1-branch', 'refs/heads/v1-branch']) {
    test(`the reference ${ref}`, async () => {
      const source = { remote: `${remote}/main`, ref, subdirectory: 'd/e' };
      const { directory, commit: found } = await one.checkOut(source, { signal });
      assert.equal(found, first);
      assert.deepEqual(readdirSync(directory), ['x']);
    });
  }

  test('a commit, by its name alone, its time for all files', async () => {
    const source = { remote: `${remote}/main`, ref: first, modified: 'commit' } as const;
    const { directory } = await repositories().checkOut(source, { signal });
    assert.equal(readFileSync(join(directory, 'f'), 'utf8'), 'one');
    assert.equal(lstatSync(join(directory, 'd/e/x')).mtimeMs, 1_000_000_000_000);
  });

  test('with .git, which knows nothing of credentials or this machine', async () => {
    const source = { remote: `${remote}/main`, keepGitDirectory: true, ref: 'main' };
    const { directory } = await one.checkOut(source, { signal });
    const config = readFileSync(join(directory, '.git/config'), 'utf8');
    assert.match(config, /git:\/\/127/);
    assert.ok(!config.includes(scratch), config);
    assert.equal(
      execFileSync('git', ['-c', 'safe.directory=*', '-C', directory, 'rev-parse', 'HEAD'], {
        encoding: 'utf8',
      }).trim(),
      second,
    );
  });

  const refused: readonly (readonly [string, object, ErrorCode])[] = [
    ['no such reference', { ref: 'nope' }, 'NOT_FOUND'],
    ['no such commit', { ref: '0'.repeat(40) }, 'NOT_FOUND'],
    ['no such directory', { subdirectory: 'd/nope' }, 'NOT_FOUND'],
    ['a directory that is a link', { subdirectory: 'link' }, 'CONTENT_INVALID'],
    ['a directory that is a file', { subdirectory: 'f' }, 'CONTENT_INVALID'],
    ['another checksum', { ref: 'v1', checksum: 'abcdef' }, 'CONTENT_INVALID'],
  ];
  for (const [name, more, code] of refused) {
    test(`${name}: ${code}`, async () => {
      await assert.rejects(one.checkOut({ remote: `${remote}/main`, ...more }, { signal }), (error) =>
        isFailure(error, code),
      );
    });
  }

  test('no repository there', async () => {
    await assert.rejects(one.checkOut({ remote: `${remote}/nope` }, { signal }), (error) => isFailure(error));
  });

  for (const ref of ['by-path', 'by-command']) {
    test(`a submodule ${ref} is refused, and nothing is left of it`, async () => {
      await assert.rejects(one.checkOut({ remote: `${remote}/evil`, ref }, { signal }), (error) =>
        isFailure(error),
      );
      assert.ok(!existsSync(join(scratch, 'pwned')));
      assert.ok(!readdirSync(join(scratch, 'home1')).some((name) => name.endsWith('.tmp')));
    });
  }

  test('a host that ssh would take for an option is refused', async () => {
    const hostile = { remote: 'ssh://-oProxyCommand=touch/x', ref: 'x' };
    await assert.rejects(one.checkOut(hostile, { signal }), (error) => isFailure(error));
  });

  test('a user and password are told where they are asked for, and into no message', async (t) => {
    const seen: (string | undefined)[] = [];
    const port = await serveHttp(t, (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const source = { remote: `http://me:hunter%3A2@127.0.0.1:${port}/a.git` };
    await assert.rejects(
      one.checkOut(source, { signal }),
      (error) => isFailure(error, 'UNAUTHORIZED') && !/hunter/.test(error.message),
    );
    assert.ok(seen.includes(`Basic ${Buffer.from('me:hunter:2').toString('base64')}`));
  });

  test('a user and password do not follow a redirect to another origin', async (t) => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serveHttp(t, (request, response) => {
      seen.push(request.headers.authorization);
      if (request.method === 'POST') response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else {
        response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
        response.end('001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000');
      }
    });
    const port = await serveHttp(t, (request, response) => {
      response.writeHead(302, { location: `http://localhost:${elsewhere}${request.url}` }).end();
    });
    const source = { remote: `http://me:hunter2@127.0.0.1:${port}/a.git`, ref: 'main' };
    await assert.rejects(one.checkOut(source, { signal }), (error) => isFailure(error, 'UNAUTHORIZED'));
    assert.deepEqual([...new Set(seen)], [undefined]);
    assert.ok(seen.length > 1, 'git went on there');
  });

  for (const broken of ['me%zz', 'me%0Ahost=elsewhere', 'me%00']) {
    test(`a user ${broken} is refused`, async () => {
      const source = { remote: `http://${broken}:hunter2@127.0.0.1:1/a.git` };
      await assert.rejects(
        one.checkOut(source, { signal }),
        (error) => isFailure(error, 'DOCKERFILE') && !error.message.includes('hunter2'),
      );
    });
  }

  test('trees that hold each other are counted before anything is checked out', async () => {
    mkdirSync(join(served, 'bomb'));
    git('bomb', 'init', '-q', '-b', 'main');
    const hash = (type: string, input: string, ...args: string[]) =>
      execFileSync('git', ['-C', join(served, 'bomb'), type, ...args], { input, encoding: 'utf8' }).trim();
    let object = hash('hash-object', 'bang', '-w', '--stdin');
    for (let depth = 0; depth < 10; depth++) {
      const kind = depth === 0 ? '100644 blob' : '040000 tree';
      const entries = Array.from({ length: 10 }, (_, entry) => `${kind} ${object}\td${entry}\n`);
      object = hash('mktree', entries.join(''));
    }
    git('bomb', 'update-ref', 'refs/heads/main', git('bomb', 'commit-tree', '-m', 'x', object));
    const directory = join(scratch, 'bombed');
    for (const limits of [
      { maxGitFiles: 10_000, maxGitBytes: 1e12 },
      { maxGitFiles: 1e12, maxGitBytes: 10_000 },
    ]) {
      const limited = new GitRepositories({ directory, env: process.env, limits });
      await assert.rejects(limited.checkOut({ remote: `${remote}/bomb` }, { signal }), (error) =>
        isFailure(error, 'LIMIT'),
      );
      assert.deepEqual(readdirSync(directory), []);
    }
  });

  test('an interrupt ends git', async () => {
    const stop = new AbortController();
    const silent = listen(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    silent.once('connection', () => stop.abort());
    await assert.rejects(
      one.checkOut({ remote: `git://127.0.0.1:${port}/x` }, { signal: stop.signal }),
      (error) => isFailure(error, 'INTERRUPTED'),
    );
    silent.close();
  });
});
