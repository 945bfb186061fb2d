import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { Credential, CredentialSource } from './credential.ts';
import { dockerCredentials } from './docker-config.ts';

const pair = (text: string) => Buffer.from(text).toString('base64');

/** Looks `registry` up with `config` as config.json and `helpers` on the PATH. */
async function lookUp(
  config: unknown,
  registry: string,
  helpers: Readonly<Record<string, string>> = {},
  repository?: string,
): Promise<Credential | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
  try {
    const text = typeof config === 'string' ? config : JSON.stringify(config);
    await writeFile(join(directory, 'config.json'), text);
    for (const [name, script] of Object.entries(helpers)) {
      const path = join(directory, `docker-credential-${name}`);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
    }
    const env = { DOCKER_CONFIG: directory, HOME: directory, PATH: `${directory}:/usr/bin:/bin` };
    return await dockerCredentials(env)(registry, { repository });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe('the file itself', () => {
  test('pairs, identity tokens, and the names that a registry goes by', async () => {
    const auths = {
      'https://index.docker.io/v1/': { auth: pair('hub:pass:word\0\0') },
      'https://ghcr.io/v2/': { username: 'me', password: 'pw' },
      'localhost:5000': { auth: pair('me:pw'), identitytoken: 'refresh' },
      'empty.example': {},
    };
    assert.deepEqual(await lookUp({ auths }, 'docker.io'), { username: 'hub', password: 'pass:word' });
    assert.deepEqual(await lookUp({ auths }, 'ghcr.io'), { username: 'me', password: 'pw' });
    assert.deepEqual(await lookUp({ auths }, 'localhost:5000'), { identityToken: 'refresh' });
    for (const registry of ['localhost:5001', 'localhost', 'empty.example', 'evil-ghcr.io', 'io']) {
      assert.equal(await lookUp({ auths }, registry), undefined, registry);
    }
  });

  test('no file is nobody; a broken one is an error that shows none of it', async () => {
    assert.equal(await dockerCredentials({ DOCKER_CONFIG: '/nonexistent' })('ghcr.io'), undefined);
    await assert.rejects(lookUp('{"auths": {"x": {"auth": "c2VjcmV0', 'ghcr.io'), (error: Error) => {
      assert.match(error.message, /config\.json": not JSON$/);
      return true;
    });
    assert.equal(await lookUp('[]', 'ghcr.io'), undefined);
    assert.equal(await lookUp({ auths: [1], credHelpers: 'x', credsStore: 7 }, 'ghcr.io'), undefined);
  });

  test('REGISTRY_AUTH_FILE comes first', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
    try {
      const path = join(directory, 'auth.json');
      await writeFile(path, JSON.stringify({ auths: { 'ghcr.io': { auth: pair('a:b') } } }));
      const found = await dockerCredentials({ REGISTRY_AUTH_FILE: path, DOCKER_CONFIG: '/nonexistent' })(
        'ghcr.io',
      );
      assert.deepEqual(found, { username: 'a', password: 'b' });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('keys with a path', () => {
  const auths = {
    'quay.io': { auth: pair('all:pw') },
    'quay.io/team': { auth: pair('team:pw') },
    'quay.io/team/app/': { auth: pair('app:pw') },
    'other.example/only': { auth: pair('only:pw') },
    'docker.io/me': { auth: pair('hub:pw') },
    'https://legacy.example/path/': { auth: pair('legacy:pw') },
    'old.example/v1/': { auth: pair('old:pw') },
  };
  const cases: [registry: string, repository: string | undefined, user: string | undefined][] = [
    ['quay.io', undefined, 'all'],
    ['quay.io', '', 'all'],
    ['quay.io', 'someone/else', 'all'],
    ['quay.io', 'teams/app', 'all'],
    ['quay.io', 'team', 'team'],
    ['quay.io', 'team/other', 'team'],
    ['quay.io', 'team/app', 'app'],
    ['quay.io', 'team/app/below', 'app'],
    ['other.example', undefined, undefined],
    ['other.example', 'another', undefined],
    ['other.example', 'only/this', 'only'],
    ['docker.io', 'me/app', 'hub'],
    ['docker.io', 'library/busybox', undefined],
    ['legacy.example', 'any', 'legacy'],
    ['old.example', 'any', 'old'],
  ];
  for (const [registry, repository, user] of cases) {
    test(`${registry}, ${repository ?? 'no repository'}: ${user ?? 'nobody'}`, async () => {
      const found = await lookUp({ auths }, registry, {}, repository);
      assert.equal(found && 'username' in found ? found.username : undefined, user);
    });
  }
});

test('what podman and skopeo keep is found behind Docker’s own, and not beside a file that was named', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
  try {
    const write = async (path: string, user: string, ...registries: string[]): Promise<void> => {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      const auths = Object.fromEntries(registries.map((name) => [name, { auth: pair(`${user}:pw`) }]));
      await writeFile(join(directory, path), JSON.stringify({ auths }));
    };
    await write('docker/config.json', 'docker', 'a.example');
    await write('run/containers/auth.json', 'run', 'a.example', 'b.example');
    await write('config/containers/auth.json', 'config', 'a.example', 'b.example', 'c.example');
    await write('named.json', 'named', 'd.example');
    const env = {
      DOCKER_CONFIG: join(directory, 'docker'),
      XDG_RUNTIME_DIR: join(directory, 'run'),
      XDG_CONFIG_HOME: join(directory, 'config'),
    };
    const users = (credentials: CredentialSource) =>
      Promise.all(
        ['a', 'b', 'c', 'd'].map(async (name) => {
          const found = await credentials(`${name}.example`);
          return found && 'username' in found ? found.username : '-';
        }),
      );
    assert.deepEqual(await users(dockerCredentials(env)), ['docker', 'run', 'config', '-']);
    const file = join(directory, 'named.json');
    assert.deepEqual(await users(dockerCredentials(env, { authFile: file })), ['-', '-', '-', 'named']);
    const named = dockerCredentials({ ...env, REGISTRY_AUTH_FILE: file });
    assert.deepEqual(await users(named), ['-', '-', '-', 'named']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

describe('helpers', () => {
  test('are asked once for a registry', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
    try {
      await writeFile(join(directory, 'config.json'), '{"credHelpers":{"a.example":"once"}}');
      const script = `#!/bin/sh\necho asked >> ${directory}/asked\necho '{"Username":"u","Secret":"s"}'\n`;
      await writeFile(join(directory, 'docker-credential-once'), script, { mode: 0o755 });
      const credentials = dockerCredentials({ DOCKER_CONFIG: directory, PATH: `${directory}:/usr/bin:/bin` });
      for (const repository of ['a', 'b', 'a'])
        assert.deepEqual(await credentials('a.example', { repository }), { username: 'u', password: 's' });
      assert.equal(await readFile(join(directory, 'asked'), 'utf8'), 'asked\n');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  const answering =
    'read server; printf \'{"ServerURL":"%s","Username":"%s","Secret":"pw"}\' "$server" "$server"';
  const none = 'cat >/dev/null; echo "credentials not found in native keychain"; exit 1';

  test('a registry’s own, then the general one, then the file', async () => {
    const config = {
      auths: { 'c.example': { auth: pair('file:pw') } },
      credHelpers: { 'a.example': 'own' },
      credsStore: 'general',
    };
    const helpers = { own: answering, general: none };
    assert.deepEqual(await lookUp(config, 'a.example', helpers), { username: 'a.example', password: 'pw' });
    assert.deepEqual(await lookUp(config, 'c.example', helpers), { username: 'file', password: 'pw' });
    assert.equal(await lookUp(config, 'd.example', helpers), undefined);
    const hub = await lookUp({ credsStore: 'g' }, 'docker.io', { g: answering });
    assert.deepEqual(hub, { username: 'https://index.docker.io/v1/', password: 'pw' });
  });

  test('"<token>" is an identity token', async () => {
    const helper = 'cat >/dev/null; echo \'{"Username":"<token>","Secret":"refresh"}\'';
    assert.deepEqual(await lookUp({ credsStore: 'g' }, 'x.example', { g: helper }), {
      identityToken: 'refresh',
    });
  });

  test('one that is missing, fails, prints nonsense or has a path for a name is an error', async () => {
    const failing = { code: 'UNAUTHORIZED' };
    await assert.rejects(lookUp({ credsStore: 'missing' }, 'x.example'), /not installed/);
    await assert.rejects(lookUp({ credsStore: 'g' }, 'x.example', { g: 'exit 3' }), failing);
    await assert.rejects(lookUp({ credsStore: 'g' }, 'x.example', { g: 'echo secret' }), (error: Error) => {
      assert.equal(error.message.includes('secret'), false);
      return true;
    });
    await assert.rejects(lookUp({ credsStore: '../evil' }, 'x.example'), failing);
  });
});
