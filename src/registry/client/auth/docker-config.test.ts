import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Credential } from './credential.ts';
import { dockerCredentials } from './docker-config.ts';

const pair = (text: string) => Buffer.from(text).toString('base64');

/** Looks `registry` up with `config` as config.json and `helpers` on the PATH. */
async function lookUp(
  config: unknown,
  registry: string,
  helpers: Readonly<Record<string, string>> = {},
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
    const env = { DOCKER_CONFIG: directory, PATH: `${directory}:/usr/bin:/bin` };
    return await dockerCredentials(env)(registry);
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

describe('helpers', () => {
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
