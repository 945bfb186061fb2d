import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Exchange, scriptedServer } from '../../../test/fixtures/scripted-server.ts';
import { dockerCredentials } from '../../registry/client/auth/docker-config.ts';
import { login } from './login.ts';
import { logout } from './logout.ts';
import { registryNamed } from './registry-named.ts';

const right = `Basic ${Buffer.from('me:secret').toString('base64')}`;

async function withServer(
  script: (exchange: Exchange, host: string) => void,
  work: (host: string, env: NodeJS.ProcessEnv, seen: () => string[]) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-login-'));
  const server = await scriptedServer((exchange) => script(exchange, server.host));
  try {
    await work(server.host, { DOCKER_CONFIG: directory, PATH: '/usr/bin:/bin' }, () =>
      server.seen.map(({ url, headers }) => `${url.split('?')[0]} ${headers.authorization ?? '-'}`),
    );
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const basic = ({ seen, answer }: Exchange): void =>
  seen.headers.authorization === right
    ? answer(200, {}, '{}')
    : answer(401, { 'www-authenticate': 'Basic realm="x"' });

describe('login', () => {
  test('keeps what the registry accepts', async () => {
    await withServer(basic, async (host, env, seen) => {
      const found = await login(host, { username: 'me', password: 'secret', env });
      assert.deepEqual(found, {
        registry: host,
        username: 'me',
        file: join(env.DOCKER_CONFIG ?? '', 'config.json'),
      });
      assert.deepEqual(seen(), ['/v2/ -', `/v2/ ${right}`]);
      assert.deepEqual(await dockerCredentials(env)(host), { username: 'me', password: 'secret' });
      assert.equal((await logout(host, { env })).erased, true);
      assert.equal(await dockerCredentials(env)(host), undefined);
    });
  });

  test('shows a password to the token service', async () => {
    const token = ({ seen, answer }: Exchange, host: string): void => {
      if (seen.url.startsWith('/token')) {
        if (seen.headers.authorization === right) answer(200, {}, '{"token":"t"}');
        else answer(401);
      } else if (seen.headers.authorization === 'Bearer t') answer(200, {}, '{}');
      else answer(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="s"` });
    };
    await withServer(token, async (host, env) => {
      await login(host, { username: 'me', password: 'secret', env });
      await assert.rejects(login(host, { username: 'me', password: 'wrong', env }), { code: 'UNAUTHORIZED' });
      assert.deepEqual(await dockerCredentials(env)(host), { username: 'me', password: 'secret' });
    });
  });

  test('keeps nothing that was refused, could not be shown, or was never asked for', async () => {
    const cases: [(exchange: Exchange) => void, string][] = [
      [basic, 'UNAUTHORIZED'],
      [({ answer }) => answer(404), 'NOT_FOUND'],
      [({ answer }) => answer(200, {}, '{}'), 'UNAUTHORIZED'],
    ];
    for (const [script, code] of cases) {
      await withServer(script, async (host, env) => {
        await assert.rejects(login(host, { username: 'me', password: 'wrong', env }), { code });
        assert.equal(existsSync(join(env.DOCKER_CONFIG ?? '', 'config.json')), false);
      });
    }
  });

  test('takes the names that registries go by, and no repository', () => {
    for (const text of [undefined, 'docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io/'])
      assert.equal(registryNamed(text), 'docker.io');
    assert.equal(registryNamed('https://ghcr.io/v2/'), 'ghcr.io');
    assert.equal(registryNamed('localhost:5000'), 'localhost:5000');
    for (const text of ['ghcr.io/me', '', 'a b']) assert.throws(() => registryNamed(text), { code: 'USAGE' });
  });
});
