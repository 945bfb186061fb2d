import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { basicAuth, lookUpCredential } from '../../../../test/fixtures/look-up-credential.ts';
import type { CredentialSource } from './credential.ts';
import { dockerCredentials } from './docker-config.ts';

describe('the file itself', () => {
  test('pairs, identity tokens, and the names that a registry goes by', async () => {
    const auths = {
      'https://index.docker.io/v1/': { auth: basicAuth('hub:pass:word\0\0') },
      'https://ghcr.io/v2/': { username: 'me', password: 'pw' },
      'localhost:5000': { auth: basicAuth('me:pw'), identitytoken: 'refresh' },
      'empty.example': {},
    };
    assert.deepEqual(await lookUpCredential({ auths }, 'docker.io'), {
      username: 'hub',
      password: 'pass:word',
    });
    assert.deepEqual(await lookUpCredential({ auths }, 'ghcr.io'), { username: 'me', password: 'pw' });
    assert.deepEqual(await lookUpCredential({ auths }, 'localhost:5000'), { identityToken: 'refresh' });
    for (const registry of ['localhost:5001', 'localhost', 'empty.example', 'evil-ghcr.io', 'io']) {
      assert.equal(await lookUpCredential({ auths }, registry), undefined, registry);
    }
  });

  test('no file is nobody; a broken one is an error that shows none of it', async () => {
    assert.equal(await dockerCredentials({ DOCKER_CONFIG: '/nonexistent' })('ghcr.io'), undefined);
    await assert.rejects(
      lookUpCredential('{"auths": {"x": {"auth": "c2VjcmV0', 'ghcr.io'),
      (error: Error) => {
        assert.match(error.message, /config\.json": not JSON$/);
        return true;
      },
    );
    assert.equal(await lookUpCredential('[]', 'ghcr.io'), undefined);
    assert.equal(
      await lookUpCredential({ auths: [1], credHelpers: 'x', credsStore: 7 }, 'ghcr.io'),
      undefined,
    );
  });

  test('REGISTRY_AUTH_FILE comes first', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
    try {
      const path = join(directory, 'auth.json');
      await writeFile(path, JSON.stringify({ auths: { 'ghcr.io': { auth: basicAuth('a:b') } } }));
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
    'quay.io': { auth: basicAuth('all:pw') },
    'quay.io/team': { auth: basicAuth('team:pw') },
    'quay.io/team/app/': { auth: basicAuth('app:pw') },
    'other.example/only': { auth: basicAuth('only:pw') },
    'docker.io/me': { auth: basicAuth('hub:pw') },
    'https://legacy.example/path/': { auth: basicAuth('legacy:pw') },
    'old.example/v1/': { auth: basicAuth('old:pw') },
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
      const found = await lookUpCredential({ auths }, registry, {}, repository);
      assert.equal(found && 'username' in found ? found.username : undefined, user);
    });
  }
});

test('what podman and skopeo keep is found behind Docker’s own, and not beside a file that was named', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-config-'));
  try {
    const write = async (path: string, user: string, ...registries: string[]): Promise<void> => {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      const auths = Object.fromEntries(registries.map((name) => [name, { auth: basicAuth(`${user}:pw`) }]));
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
