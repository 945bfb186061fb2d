import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../scripts/remove-tree.ts';
import { openLocalStore } from '../../src/app/stores.ts';
import type { Digest } from '../../src/lib/digest.ts';
import { imageFacts } from '../build-goldens/image-facts.ts';
import { dumbGit, smartGit } from '../fixtures/git-http.ts';
import { polyarch, polyarchProgram, runProgram } from '../fixtures/run-program.ts';

const missing = (_: IncomingHttpHeaders, response: ServerResponse) => void response.writeHead(404).end();
const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n';

describe('what the command builds from, over HTTP and standard input', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-sources-'));
  const repositories = join(scratch, 'repositories');
  const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  const files = new Map<string, (headers: IncomingHttpHeaders, response: ServerResponse) => void>();
  const requests: string[] = [];
  let server: Server;
  let address = '';
  let first = '';

  const git = (directory: string, ...args: string[]) =>
    execFileSync('git', ['-C', join(repositories, directory), ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'protocol.file.allow',
        GIT_CONFIG_VALUE_0: 'always',
        ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@a' },
        ...{ GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@a' },
      },
    }).trim();
  const commit = (directory: string, texts: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(join(repositories, directory, path, '..'), { recursive: true });
      writeFileSync(join(repositories, directory, path), text);
    }
    git(directory, 'add', '-A');
    git(directory, 'commit', '-qm', 'x');
    return git(directory, 'rev-parse', 'HEAD');
  };

  before(async () => {
    for (const name of ['sub', 'app']) {
      mkdirSync(join(repositories, name), { recursive: true });
      git(name, 'init', '-q', '-b', 'main');
    }
    commit('sub', { s: 'sub' });
    git('', 'clone', '-q', '--bare', 'sub', 'sub.git');
    first = commit('app', {
      Dockerfile: 'FROM scratch\nCOPY . /\n',
      'd/Dockerfile': 'FROM scratch\nCOPY . /\n',
      'd/e/x': 'x',
      f: 'one',
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'large.bin': pointer,
    });
    git('app', 'tag', 'v1');
    // Both ways of serving have the repositories side by side: the address is relative.
    commit('app', { '.gitmodules': '[submodule "m"]\n\tpath = m\n\turl = ../sub.git\n', f: 'two' });
    git('app', 'update-index', '--add', '--cacheinfo', `160000,${git('sub', 'rev-parse', 'HEAD')},m`);
    git('app', 'commit', '-qm', 'module');
    git('', 'clone', '-q', '--bare', 'app', 'app.git');
    for (const name of ['sub.git', 'app.git']) git(name, 'update-server-info');
    server = createServer((request, response) => {
      const path = request.url ?? '/';
      requests.push(`${request.method} ${path}`);
      if (path.startsWith('/smart/')) void smartGit(repositories, path.slice(6), request, response);
      else if (path.startsWith('/dumb/')) dumbGit(repositories, path.slice(5), response);
      else (files.get(path) ?? missing)(request.headers, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server?.close();
    removeTree(scratch);
  });

  /** What a build's image holds: `path type mode …`. */
  const treeOf = async (args: readonly string[], stdin?: string): Promise<readonly string[]> => {
    const metadata = join(scratch, 'metadata.json');
    await polyarch(['build', '--metadata-file', metadata, ...args], { env, cwd: scratch, stdin });
    const { 'containerimage.digest': digest } = JSON.parse(readFileSync(metadata, 'utf8'));
    const store = await openLocalStore({ env });
    const root = await store.resolve(digest as Digest);
    const [image] = await imageFacts(store, root, { diffIds: [], history: 0 });
    return image?.tree ?? [];
  };
  const namesOf = async (args: readonly string[], stdin?: string) =>
    (await treeOf(args, stdin)).map((line) => line.slice(0, line.indexOf(' ')));
  const failureOf = async (args: readonly string[]) => {
    const ended = await runProgram([polyarchProgram, 'build', ...args], { env, cwd: scratch });
    assert.notEqual(ended.code, 0);
    return ended.stderr;
  };
  /** A directory with a Dockerfile and nothing else. */
  const contextOf = (name: string, dockerfile: string) => {
    mkdirSync(join(scratch, name));
    writeFileSync(join(scratch, name, 'Dockerfile'), dockerfile);
    return join(scratch, name);
  };

  const all = ['.gitattributes', '.gitmodules', 'Dockerfile', 'd', 'd/Dockerfile', 'd/e', 'd/e/x', 'f'];
  for (const kind of ['smart', 'dumb']) {
    test(`a repository behind a ${kind} server is the context, with its submodules`, async () => {
      assert.deepEqual(await namesOf([`${address}/${kind}/app.git`]), [...all, 'large.bin', 'm', 'm/s']);
    });

    test(`a reference and a directory of one behind a ${kind} server`, async () => {
      assert.deepEqual(await namesOf([`${address}/${kind}/app.git#v1:d`]), ['Dockerfile', 'e', 'e/x']);
    });
  }

  test('a file of LFS is its pointer, as in BuildKit', async () => {
    const tree = await treeOf([`${address}/smart/app.git#${first}`]);
    assert.match(tree.find((line) => line.startsWith('large.bin')) ?? '', new RegExp(` ${pointer.length} `));
  });

  test('ADD of a repository: .git where it is asked for, and the commit that it has to be', async () => {
    const source = `${address}/smart/app.git#v1`;
    const plain = contextOf('add', `FROM scratch\nADD --checksum=${first} ${source} /a/\n`);
    assert.deepEqual(
      (await namesOf([plain])).filter((name) => name.startsWith('a/.')),
      ['a/.gitattributes'],
    );
    const kept = contextOf('add-kept', `FROM scratch\nADD --keep-git-dir=true ${source} /a/\n`);
    assert.ok((await namesOf([kept])).includes('a/.git/HEAD'));
    const wrong = contextOf('add-wrong', `FROM scratch\nADD --checksum=${'0'.repeat(40)} ${source} /a/\n`);
    assert.match(await failureOf([wrong]), /Dockerfile:2\n[\s\S]*its commit is/);
  });

  test('what ADD fetched is asked about again by its ETag, or its Last-Modified', async () => {
    let body = 'one';
    const old = 'Mon, 02 Jan 2006 15:04:05 GMT';
    const answer =
      (header: string, question: string, value: () => string) =>
      (headers: IncomingHttpHeaders, response: ServerResponse) => {
        if (headers[question] === value()) response.writeHead(304, { [header]: value() }).end();
        else {
          requests.push(`body of ${header}`);
          response.writeHead(200, { [header]: value() }).end(body);
        }
      };
    files.set(
      '/tagged',
      answer('etag', 'if-none-match', () => `"${body}"`),
    );
    files.set(
      '/dated',
      answer('last-modified', 'if-modified-since', () => old),
    );
    const text = `FROM scratch\nADD ${address}/tagged /t/\nADD ${address}/dated /d/\n`;
    const context = contextOf('remote', text);
    const asked = async () => {
      requests.length = 0;
      await treeOf([context]);
      return requests.toSorted();
    };
    const questions = ['GET /dated', 'GET /tagged'];
    assert.deepEqual(await asked(), [...questions, 'body of etag', 'body of last-modified']);
    assert.deepEqual(await asked(), questions);
    body = 'changed';
    assert.deepEqual(await asked(), [...questions, 'body of etag']);
  });

  test('a tar behind a URL, one on standard input, a Dockerfile on standard input', async () => {
    const context = contextOf('tarred', 'FROM scratch\nCOPY a /\n');
    writeFileSync(join(context, 'a'), 'a');
    const tar = join(scratch, 'context.tar.gz');
    execFileSync('tar', ['-czf', tar, '-C', context, '.']);
    files.set('/context', (_, response) => void response.end(readFileSync(tar)));
    assert.deepEqual(await namesOf([`${address}/context`]), ['a']);
    assert.deepEqual(await namesOf(['-'], tar), ['a']);
    const dockerfile = join(scratch, 'other.Dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY a /from/stdin/\n');
    assert.deepEqual(await namesOf(['-f', '-', context], dockerfile), ['from', 'from/stdin', 'from/stdin/a']);
    writeFileSync(dockerfile, 'FROM scratch\nCOPY <<a /alone/\ntext\na\n');
    assert.deepEqual(await namesOf(['-'], dockerfile), ['alone', 'alone/a']);
  });

  test('an image of an OCI layout and a stage are contexts by name', async () => {
    const made = contextOf('made', 'FROM scratch\nCOPY Dockerfile /made\n');
    await polyarch(['build', '-t', 'made', made], { env });
    const layout = join(scratch, 'layout');
    await polyarch(['copy', 'local:made', `oci:${layout}:made`], { env });
    const text = 'FROM other AS x\nFROM scratch\nCOPY --from=other made /o/\nCOPY --from=y made /y/\n';
    const context = contextOf('named', text);
    const names = ['--build-context', `other=oci-layout://${layout}:made`, '--build-context', 'y=target:x'];
    assert.deepEqual(await namesOf([...names, context]), ['o', 'o/made', 'y', 'y/made']);
  });
});
