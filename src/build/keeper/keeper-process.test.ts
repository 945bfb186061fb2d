import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Channel } from './channel.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { spawnKeeper } from './keeper-process.ts';

test('a program that cannot be started is a failure of the keeper, no end of this process', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-keeper-'));
  t.after(() => rmSync(directory, { recursive: true }));
  // execve(2) does not find what is to interpret it.
  writeFileSync(join(directory, 'unshare'), '#!/nowhere\n');
  chmodSync(join(directory, 'unshare'), 0o755);
  const { PATH } = process.env;
  process.env.PATH = directory;
  t.after(() => {
    process.env.PATH = PATH;
  });
  const config: KeeperConfig = {
    dataDirectory: directory,
    id: '01234567',
    writable: [],
    tier: 'chroot',
    snapshotters: [],
    namespaces: true,
    userNamespace: false,
    ids: 'all',
    owners: 'kept',
    binfmt: [],
    emulators: {},
    emulated: [],
  };
  const channel = new Channel(await spawnKeeper(config, { stdio: 'none' }), {});
  await assert.rejects(channel.ready, { code: 'KEEPER', message: /ENOENT/ });
});
