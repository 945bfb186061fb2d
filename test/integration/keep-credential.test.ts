import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { dockerCredentials } from '../../src/registry/client/auth/docker-config.ts';
import { eraseCredential, storeCredential } from '../../src/registry/client/auth/keep-credential.ts';

/** A helper with the real protocol, which keeps what it is given in a file beside it. */
const helperScript = `#!/bin/sh
cd "$(dirname "$0")"
read -r line
case "$1" in
store) echo "$line" > secret ;;
get) [ -f secret ] || { echo "credentials not found in native keychain"; exit 1; }; cat secret ;;
erase) [ -f secret ] || { echo "credentials not found in native keychain"; exit 1; }; rm secret ;;
esac`;

interface World {
  readonly env: NodeJS.ProcessEnv;
  readonly path: string;
  read(): Promise<Record<string, unknown>>;
}

async function withConfig(config: object | undefined, work: (world: World) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-login-'));
  try {
    const path = join(directory, 'docker', 'config.json');
    if (config !== undefined) {
      await mkdir(join(directory, 'docker'));
      await writeFile(path, JSON.stringify(config), { mode: 0o644 });
    }
    const helper = join(directory, 'docker-credential-fake');
    await writeFile(helper, helperScript);
    await chmod(helper, 0o755);
    const env = { DOCKER_CONFIG: join(directory, 'docker'), PATH: `${directory}:/usr/bin:/bin` };
    const read = async () => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await work({ env, path, read });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const pair = (text: string) => Buffer.from(text).toString('base64');
const me = { username: 'me', password: 'p:w\u00e9' };

describe('credentials are kept', () => {
  test('in config.json: made with its directory, for its owner alone, read back, and forgotten', async () => {
    await withConfig(undefined, async ({ env, path, read }) => {
      await storeCredential('ghcr.io', me, { env });
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.deepEqual(await read(), { auths: { 'ghcr.io': { auth: pair('me:p:w\u00e9') } } });
      assert.deepEqual(await dockerCredentials(env)('ghcr.io'), me);
      assert.equal((await eraseCredential('ghcr.io', { env })).erased, true);
      assert.deepEqual(await read(), { auths: {} });
      assert.equal((await eraseCredential('ghcr.io', { env })).erased, false);
    });
  });

  test('beside fields that others wrote, in place of every spelling of the registry', async () => {
    const others = {
      psFormat: 'x',
      HttpHeaders: { a: 'b' },
      auths: { 'other.example': { auth: 'x', email: 'y' } },
    };
    const config = {
      ...others,
      auths: { ...others.auths, 'docker.io': { auth: 'old' }, 'index.docker.io': {} },
    };
    await withConfig(config, async ({ env, path, read }) => {
      await storeCredential('docker.io', me, { env });
      const hub = { 'https://index.docker.io/v1/': { auth: pair('me:p:w\u00e9') } };
      assert.deepEqual(await read(), { ...others, auths: { ...others.auths, ...hub } });
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      await eraseCredential('docker.io', { env });
      assert.deepEqual(await read(), others);
    });
  });

  test('by the helper of the registry, or the general one: the file holds no secret', async () => {
    for (const config of [
      { credsStore: 'fake' },
      { credHelpers: { 'ghcr.io': 'fake' }, credsStore: 'missing' },
    ]) {
      await withConfig(config, async ({ env, read }) => {
        assert.equal((await storeCredential('ghcr.io', me, { env })).helper, 'fake');
        assert.deepEqual(await read(), { ...config, auths: { 'ghcr.io': {} } });
        assert.deepEqual(await dockerCredentials(env)('ghcr.io'), me);
        assert.equal((await eraseCredential('ghcr.io', { env })).erased, true);
        assert.deepEqual(await read(), { ...config, auths: {} });
        assert.equal((await eraseCredential('ghcr.io', { env })).erased, false);
      });
    }
  });

  test('nowhere when the helper fails or the file is torn: both stay as they are', async () => {
    await withConfig({ credsStore: 'missing' }, async ({ env, read }) => {
      await assert.rejects(storeCredential('ghcr.io', me, { env }), { code: 'UNAUTHORIZED' });
      assert.deepEqual(await read(), { credsStore: 'missing' });
    });
    await withConfig({}, async ({ env, path }) => {
      await writeFile(path, '{"auths": {"x": {"auth": "c2Vj');
      await assert.rejects(storeCredential('ghcr.io', me, { env }), { code: 'USAGE' });
      assert.equal(await readFile(path, 'utf8'), '{"auths": {"x": {"auth": "c2Vj');
    });
  });

  test('through a link, which stays one; in another file when asked; by several at once', async () => {
    await withConfig({ a: 1 }, async ({ env, path, read }) => {
      const link = `${path}.link`;
      await symlink(path, link);
      const names = ['a.example', 'b.example', 'c.example'];
      await Promise.all(names.map((name) => storeCredential(name, me, { env, authFile: link })));
      assert.equal((await lstat(link)).isSymbolicLink(), true);
      assert.deepEqual(Object.keys((await read()).auths as object).sort(), names);
    });
  });
});
