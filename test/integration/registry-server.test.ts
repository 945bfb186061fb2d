import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { listPlatforms } from '../../src/content/select-manifest.ts';
import { sampleImage } from '../../src/content/store.suite.ts';
import { digestOf } from '../../src/lib/digest.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';

const run = promisify(execFile);
const noSkopeo = spawnSync('skopeo', ['--version']).error ? 'skopeo is not installed' : false;
const polyarch = join(import.meta.dirname, '../../polyarch');

/** The command itself, as a user starts it. */
async function served<T>(work: (host: string, directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-served-'));
  const root = join(directory, 'data');
  const child = spawn(polyarch, ['serve', '--addr', '127.0.0.1:0', '--root', root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = await once(child.stdout, 'data');
    const host = /http:\/\/(\S+)/.exec(String(line))?.[1];
    assert.ok(host, String(line));
    return await work(host, directory);
  } finally {
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    await rm(directory, { recursive: true, force: true });
  }
}

describe('polyarch serve', { skip: noSkopeo }, () => {
  test('holds an index that skopeo pushed, in OCI and Docker form, and gives it back', () =>
    served(async (host, directory) => {
      const source = await LayoutStore.open(join(directory, 'source'));
      const images = [];
      for (const architecture of ['amd64', 'arm64']) {
        const { config, layer, manifest, descriptors } = sampleImage(architecture);
        await source.push(descriptors.config, contentFromBytes(config));
        await source.push(descriptors.layer, contentFromBytes(layer));
        await source.push(descriptors.manifest, contentFromBytes(manifest));
        images.push({ ...descriptors.manifest, platform: { os: 'linux', architecture } });
      }
      const bytes = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: images });
      const index = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length };
      await source.push(index, contentFromBytes(bytes));
      await source.tag(index, 'v1');

      const copy = async (...args: string[]) =>
        await run('skopeo', ['copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...args]);
      const [from, there] = [`oci:${join(directory, 'source')}:v1`, `docker://${host}/team/app`];
      await copy('--all', '--preserve-digests', from, `${there}:v1`);
      await copy('--all', '--preserve-digests', `${there}:v1`, `docker://${host}/other/app:v2`);
      await copy(
        '--all',
        '--preserve-digests',
        `docker://${host}/other/app:v2`,
        `oci:${join(directory, 'back')}:v3`,
      );
      const back = await LayoutStore.open(join(directory, 'back'));
      assert.equal((await back.resolve('v3')).digest, index.digest);
      const platforms = (await listPlatforms(back, index)).map((entry) => entry.platform.architecture);
      assert.deepEqual(platforms, ['amd64', 'arm64']);

      await copy('--format', 'v2s2', from, `${there}:docker`);
      const raw = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `${there}:docker`]);
      assert.equal(JSON.parse(raw.stdout).mediaType, mediaTypes.dockerManifest);

      const tags = await run('skopeo', ['list-tags', '--tls-verify=false', there]);
      assert.deepEqual(JSON.parse(tags.stdout).Tags, ['docker', 'v1']);
      await run('skopeo', ['delete', '--tls-verify=false', `${there}:docker`]);
      const left = await run('skopeo', ['list-tags', '--tls-verify=false', there]);
      assert.deepEqual(JSON.parse(left.stdout).Tags, ['v1']);
      assert.deepEqual(await readdir(join(directory, 'data/uploads')), []);
      assert.deepEqual(await readdir(join(directory, 'data/ingest')), []);
    }));

  test('says why it cannot listen', async () => {
    const failed = await run(polyarch, ['serve', '--addr', 'nonsense', '--root', tmpdir()]).catch(
      (error) => error,
    );
    assert.equal(failed.code, 2);
    assert.match(failed.stderr, /Cannot listen on "nonsense"/);
  });
});
