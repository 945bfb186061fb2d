import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { startRegistry } from '../../src/registry/server/start-registry.ts';
import { countingWay } from '../fixtures/counting-way.ts';
import { polyarch, polyarchProgram } from '../fixtures/run-program.ts';

const layerBytes = 24 * 1024 * 1024;

/** An image of one layer in an OCI layout. */
async function layoutWithImage(directory: string): Promise<void> {
  const store = await LayoutStore.open(directory, { create: true });
  const layer = randomBytes(layerBytes);
  const add = async (mediaType: string, bytes: Buffer | string) => {
    const descriptor = { mediaType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) };
    await store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  };
  const layers = [await add(mediaTypes.ociLayer, layer)];
  const rootfs = { type: 'layers', diff_ids: [digestOf(layer)] };
  const config = await add(
    mediaTypes.ociConfig,
    JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs }),
  );
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  await store.tag(await add(mediaTypes.ociManifest, JSON.stringify(manifest)), '1');
}

test('a copy that is killed with -9 in the middle of a blob sends only the rest when it runs again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-killed-'));
  const registry = await startRegistry({ root: join(directory, 'registry') });
  const way = await countingWay(registry.port);
  const env = { ...process.env, POLYARCH_HOME: join(directory, 'home') };
  try {
    await layoutWithImage(join(directory, 'image'));
    const args = ['copy', `oci:${directory}/image:1`, `${way.host}/app:1`];

    const half = Promise.withResolvers<void>();
    const killed = Promise.withResolvers<void>();
    way.gate = async (sent) => {
      if (sent < layerBytes / 2) return;
      half.resolve();
      // Nothing more passes: the program is in the middle of the layer when it is killed.
      await killed.promise;
    };
    const child = spawn(polyarchProgram, args, { env, stdio: 'ignore' });
    const exit = new Promise((resolve) => child.once('exit', resolve));
    await Promise.race([half.promise, exit]);
    assert.equal(child.exitCode, null);
    child.kill('SIGKILL');
    await exit;
    killed.resolve();
    await way.ended();
    assert.equal((await readdir(join(directory, 'home/uploads'))).length, 1);

    const before = way.sent;
    way.sent = 0;
    way.gate = async () => {};
    const { stderr } = await polyarch(args, { env });
    assert.match(stderr, /resume {3}sha256:[0-9a-f]{64} at .*another run was interrupted/);
    const twice = before + way.sent - layerBytes;
    assert.ok(twice < 4 * 1024 * 1024, `${twice} bytes were sent twice`);
    assert.deepEqual(await readdir(join(directory, 'home/uploads')), []);
    await polyarch(['copy', `${registry.host}/app:1`, `oci:${directory}/back:1`], { env });
  } finally {
    await way.close();
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  }
});
