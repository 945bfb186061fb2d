import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { dockerCredentials } from '../../src/registry/client/auth/docker-config.ts';
import { basicAuth, lookUpCredential } from '../fixtures/look-up-credential.ts';

describe('credential helpers', () => {
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
      auths: { 'c.example': { auth: basicAuth('file:pw') } },
      credHelpers: { 'a.example': 'own' },
      credsStore: 'general',
    };
    const helpers = { own: answering, general: none };
    assert.deepEqual(await lookUpCredential(config, 'a.example', helpers), {
      username: 'a.example',
      password: 'pw',
    });
    assert.deepEqual(await lookUpCredential(config, 'c.example', helpers), {
      username: 'file',
      password: 'pw',
    });
    assert.equal(await lookUpCredential(config, 'd.example', helpers), undefined);
    const hub = await lookUpCredential({ credsStore: 'g' }, 'docker.io', { g: answering });
    assert.deepEqual(hub, { username: 'https://index.docker.io/v1/', password: 'pw' });
  });

  test('"<token>" is an identity token', async () => {
    const helper = 'cat >/dev/null; echo \'{"Username":"<token>","Secret":"refresh"}\'';
    assert.deepEqual(await lookUpCredential({ credsStore: 'g' }, 'x.example', { g: helper }), {
      identityToken: 'refresh',
    });
  });

  test('one that is missing, fails, prints nonsense or has a path for a name is an error', async () => {
    const failing = { code: 'UNAUTHORIZED' };
    await assert.rejects(lookUpCredential({ credsStore: 'missing' }, 'x.example'), /not installed/);
    await assert.rejects(lookUpCredential({ credsStore: 'g' }, 'x.example', { g: 'exit 3' }), failing);
    await assert.rejects(
      lookUpCredential({ credsStore: 'g' }, 'x.example', { g: 'echo secret' }),
      (error: Error) => {
        assert.equal(error.message.includes('secret'), false);
        return true;
      },
    );
    await assert.rejects(lookUpCredential({ credsStore: '../evil' }, 'x.example'), failing);
  });
});
