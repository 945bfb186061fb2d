import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../scripts/remove-tree.ts';
import { copy } from '../../src/app/copy/copy.ts';
import { inspectConfig, inspectDigest, inspectRaw } from '../../src/app/inspect/inspect.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { DockerDaemon } from '../fixtures/docker-daemon.ts';
import { type DockerRegistry, startDockerRegistry } from '../fixtures/docker-registry.ts';
import { randomImage } from '../fixtures/random-image.ts';
import { succeed } from '../fixtures/run-program.ts';

const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const architecture = platform.slice('linux/'.length);

describe('what peers wrote is read, and what we wrote they read', {
  skip: withoutPrograms('skopeo', 'docker-registry'),
}, () => {
  let directory = '';
  let registry: DockerRegistry;
  let env: NodeJS.ProcessEnv;
  /** `oci:LAYOUT:1`, an index of two platforms. */
  let layout: string;
  let index: Descriptor;
  const name = (text: string): string => `${registry.host}/${text}`;
  const ours = (source: string, ...targets: string[]) => copy(source, targets, { env });
  const configOf = async (location: string): Promise<unknown> =>
    JSON.parse(String(await inspectConfig(location, { platform, env })));

  before(async () => {
    directory = mkdtempSync('/var/tmp/polyarch-peers-');
    registry = await startDockerRegistry();
    env = { ...process.env, POLYARCH_HOME: join(directory, 'home'), DOCKER_CONFIG: join(directory, 'none') };
    const store = await LayoutStore.open(join(directory, 'image'), { create: true });
    index = (await randomImage(store)).root;
    await store.tag(index, '1');
    layout = `oci:${directory}/image:1`;
  });
  after(async () => {
    await registry?.close();
    removeTree(directory);
  });

  describe('skopeo', () => {
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const skopeo = (...args: string[]) => succeed(['skopeo', '--insecure-policy', 'copy', ...args]);

    test('in a registry, as it was pushed and as Docker’s types', async () => {
      await skopeo(...plain, '--all', layout, `docker://${name('theirs:oci')}`);
      await skopeo(...plain, '--all', '--format', 'v2s2', layout, `docker://${name('theirs:docker')}`);
      for (const tag of ['oci', 'docker']) await ours(name(`theirs:${tag}`), name(`ours:${tag}`));
      const digest = await inspectDigest(name('ours:docker'), { env });
      assert.equal(digest, await inspectDigest(name('theirs:docker'), { env }));
      assert.notEqual(digest, index.digest);
      const exact = ['--all', '--preserve-digests', ...plain];
      await skopeo(...exact, `docker://${name('ours:docker')}`, `docker://${name('again:docker')}`);
      await skopeo(...exact, `docker://${name('ours:oci')}`, `oci:${directory}/back:1`);
      assert.equal(await inspectDigest(`oci:${directory}/back:1`, { env }), index.digest);
      // Layouts: theirs we read, ours they read.
      await ours(`oci:${directory}/back:1`, `oci:${directory}/ours:1`);
      await skopeo('--all', '--preserve-digests', `oci:${directory}/ours:1`, `oci:${directory}/last:1`);
      assert.equal(await inspectDigest(`oci:${directory}/last:1`, { env }), index.digest);
    });

    test('as directories of its own kind, in both directions', async () => {
      const dir = (text: string): string => `dir:${join(directory, text)}`;
      await skopeo('--all', layout, dir('dir-theirs'));
      await ours(layout, dir('dir-ours'));
      const files = (text: string): string[] => readdirSync(join(directory, text)).sort();
      assert.deepEqual(files('dir-ours'), files('dir-theirs'));
      await ours(dir('dir-theirs'), name('dir:1'));
      assert.equal(await inspectDigest(name('dir:1'), { env }), index.digest);
      await skopeo('--all', '--preserve-digests', dir('dir-ours'), `oci:${directory}/dir-back:1`);
      assert.equal(await inspectDigest(`oci:${directory}/dir-back:1`, { env }), index.digest);
      // One takes over the other's directory.
      await skopeo(layout, dir('dir-ours'));
      await ours(layout, dir('dir-ours'));
      assert.deepEqual(files('dir-ours'), files('dir-theirs'));
    });

    test('as archives of both kinds, in both directions', async () => {
      const override = ['--override-arch', architecture];
      const file = (text: string): string => join(directory, text);
      await succeed([
        'skopeo',
        '--insecure-policy',
        'copy',
        '--all',
        layout,
        `oci-archive:${file('theirs.tar')}:1`,
      ]);
      await succeed([
        'skopeo',
        '--insecure-policy',
        ...override,
        'copy',
        layout,
        `docker-archive:${file('theirs-docker.tar')}:a/b:1`,
      ]);
      await ours(`oci-archive:${file('theirs.tar')}:1`, name('archived:oci'));
      await ours(`docker-archive:${file('theirs-docker.tar')}`, name('archived:docker'));
      const wanted = await configOf(layout);
      for (const tag of ['oci', 'docker']) assert.deepEqual(await configOf(name(`archived:${tag}`)), wanted);
      await ours(layout, `oci-archive:${file('ours.tar')}:1`);
      await ours(layout, `docker-archive:${file('ours-docker.tar')}:a/b:1`);
      await skopeo(
        '--all',
        '--preserve-digests',
        `oci-archive:${file('ours.tar')}:1`,
        `oci:${file('from-oci')}:1`,
      );
      assert.equal((await (await LayoutStore.open(file('from-oci'))).resolve('1')).digest, index.digest);
      const config = await succeed([
        'skopeo',
        'inspect',
        '--config',
        '--raw',
        `docker-archive:${file('ours-docker.tar')}:a/b:1`,
      ]);
      assert.deepEqual(JSON.parse(config.stdout), wanted);
    });
  });

  describe('what Docker 28 saved', () => {
    // docker import of one file with LABEL n=1 and n=2, docker save saved:1 saved:2.
    const archive = join(import.meta.dirname, '../fixtures/docker-28-save.tar.gz');

    test('is two images with one layer', async () => {
      for (const n of ['1', '2']) {
        await ours(`docker-archive:${archive}:saved:${n}`, name(`saved:${n}`));
        const { config } = (await configOf(name(`saved:${n}`))) as { config: { Labels: unknown } };
        assert.deepEqual(config.Labels, { n });
      }
      const manifests = await Promise.all(
        ['1', '2'].map(async (n) => JSON.parse(String(await inspectRaw(name(`saved:${n}`), { env })))),
      );
      assert.deepEqual(manifests[0].layers, manifests[1].layers);
      const chosen = await ours(`docker-archive:${archive}:@1`, name('saved:counted'));
      assert.deepEqual(JSON.parse(String(await inspectRaw(name('saved:2'), { env }))), manifests[1]);
      assert.equal(chosen.digest, digestOf(await inspectRaw(name('saved:2'), { env })));
    });
  });

  const daemonless =
    (process.getuid?.() !== 0 && 'needs root, to start dockerd') || withoutPrograms('dockerd');
  describe('dockerd', { skip: daemonless }, () => {
    let daemon: DockerDaemon;
    before(async () => {
      mkdirSync(join(directory, 'docker'));
      daemon = await DockerDaemon.start(join(directory, 'docker'));
      env.DOCKER_HOST = daemon.host;
    });
    after(() => daemon?.stop());
    const labelOf = (image: string): Promise<string> =>
      daemon.succeed('image', 'inspect', '--format', '{{json .RootFS.Layers}}', image);

    test('pulls what we copied, loads what we wrote, takes what we send', async () => {
      const { rootfs } = (await configOf(layout)) as { rootfs: { diff_ids: string[] } };
      const layers = JSON.stringify(rootfs.diff_ids);
      await ours(layout, name('pulled:1'));
      await daemon.succeed('pull', name('pulled:1'));
      assert.equal(await labelOf(name('pulled:1')), layers);
      await ours(layout, `docker-archive:${directory}/loaded.tar:loaded:1`);
      assert.match(await daemon.succeed('load', '--input', join(directory, 'loaded.tar')), /loaded:1/);
      assert.equal(await labelOf('loaded:1'), layers);
      await ours(layout, 'docker-daemon:sent:1');
      assert.equal(await labelOf('sent:1'), layers);
      const run = await daemon.succeed('images', '--quiet', '--no-trunc');
      assert.equal(new Set(run.split('\n')).size, 1, 'one image under three names');
    });

    test('is read: what it pushed, what it has, what it saved', async () => {
      const root = join(directory, 'root');
      mkdirSync(root);
      writeFileSync(join(root, 'hello'), 'hello\n');
      const tar = join(directory, 'root.tar');
      execFileSync('tar', ['-C', root, '-cf', tar, '.']);
      // Of one layer: the second's is a link to the first's in the archive.
      for (const n of ['1', '2'])
        await daemon.succeed('import', '--change', `LABEL n=${n}`, tar, name(`made:${n}`));
      for (const n of ['1', '2']) await daemon.succeed('push', name(`made:${n}`));
      const saved = join(directory, 'saved.tar');
      await daemon.succeed('save', '--output', saved, name('made:1'), name('made:2'));
      for (const n of ['1', '2']) {
        await ours(name(`made:${n}`), `oci:${directory}/made:${n}`);
        await ours(`docker-archive:${saved}:${name(`made:${n}`)}`, name(`saved-old:${n}`));
        await ours(`docker-daemon:${name(`made:${n}`)}`, name(`had:${n}`));
        const wanted = await configOf(name(`made:${n}`));
        assert.deepEqual((wanted as { config: { Labels: unknown } }).config.Labels, { n });
        for (const other of [`oci:${directory}/made:${n}`, name(`saved-old:${n}`), name(`had:${n}`)])
          assert.deepEqual(await configOf(other), wanted);
      }
      await daemon.succeed('rmi', name('made:1'));
      await daemon.succeed('pull', name('had:1'));
    });
  });
});
