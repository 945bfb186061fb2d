import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { ImageConfig, Index, Manifest } from '../../src/oci/manifest.ts';
import { formatPlatform } from '../../src/oci/platform.ts';
import { withoutCommand, withoutPrograms } from '../fixtures/capabilities.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../fixtures/ordinary-user.ts';
import { polyarch, succeed } from '../fixtures/run-program.ts';

const dockerfile = `
ARG BASE
FROM --platform=$BUILDPLATFORM \${BASE} AS build
WORKDIR /src
COPY . .
RUN cat /proc/sys/kernel/random/uuid > id && sh greet.sh > greeting
FROM build AS target
ARG TARGETARCH
RUN echo "$TARGETARCH" > arch

FROM \${BASE}
LABEL org.example.kind="first light"
COPY --from=build --chown=33:33 --chmod=750 /src/greeting /srv/greeting
COPY --from=target /src/arch /srv/arch
RUN uname -m > /srv/machine && rm /etc/os-release && chown 65534:33 /srv/machine && ln -s machine /srv/link
ENV NAME=world
WORKDIR /srv
USER www-data
EXPOSE 8080
ENTRYPOINT ["cat"]
CMD ["arch", "machine"]
`;
/** The same without what differs from run to run. */
const repeatable = dockerfile.replace('cat /proc/sys/kernel/random/uuid', 'echo 1');

function writeContext(directory: string, text: string): void {
  mkdirSync(join(directory, 'deep/er'), { recursive: true });
  writeFileSync(join(directory, 'Dockerfile'), text, { mode: 0o644 });
  writeFileSync(join(directory, 'greet.sh'), 'echo hello\n', { mode: 0o644 });
  writeFileSync(join(directory, 'deep/er/file'), 'deep\n', { mode: 0o644 });
  writeFileSync(join(directory, 'left-out'), 'never sent\n', { mode: 0o644 });
  writeFileSync(join(directory, '.dockerignore'), 'left-out\n', { mode: 0o644 });
}

const machines: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

describe('first light', { timeout: 300_000 }, () => {
  // Made in `before`, which a skipped suite never reaches.
  const scratch = join(tmpdir(), `polyarch-first-light-${randomUUID()}`);
  const context = join(scratch, 'context');
  const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  let registry: EmbeddedRegistry;
  let base: string;
  let hello: string;

  const buildArgs = (reference: string, directory: string): string[] => [
    ...['build', '--platform', 'linux/amd64,linux/arm64', '--build-arg', `BASE=${base}`],
    ...['-t', reference, '--push', '--progress', 'plain', directory],
  ];
  const digestOf = async (repository: string, tag: string): Promise<string> => {
    const url = `http://${registry.host}/v2/${repository}/manifests/${tag}`;
    const answer = await fetch(url, {
      method: 'HEAD',
      headers: { accept: 'application/vnd.oci.image.index.v1+json' },
    });
    assert.equal(answer.status, 200, url);
    return answer.headers.get('docker-content-digest') ?? '';
  };

  before(async () => {
    mkdirSync(join(scratch, 'registry'), { recursive: true });
    registry = await startRegistry(join(scratch, 'registry'), { env });
    base = `${registry.host}/base:1`;
    hello = `${registry.host}/hello:1`;
    await makeBaseImage(join(scratch, 'base')).push(base);
    writeContext(context, dockerfile);
    await polyarch(buildArgs(hello, context), { env });
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  test('inspect lists both platforms', async () => {
    const { stdout } = await polyarch(['inspect', hello], { env });
    assert.match(stdout, /amd64/);
    assert.match(stdout, /arm64/);
  });

  for (const [architecture, machine] of Object.entries(machines)) {
    test(`run starts the ${architecture} image`, { skip: withoutCommand('run') }, async () => {
      const { stdout } = await polyarch(['run', '--platform', `linux/${architecture}`, hello], { env });
      assert.equal(stdout, `${architecture}\n${machine}\n`);
    });
  }

  describe('pulled by skopeo', { skip: withoutPrograms('skopeo') }, () => {
    const pulled = join(scratch, 'pulled');
    const read = <T>(digest: string): T =>
      JSON.parse(readFileSync(join(pulled, 'blobs', digest.replace(':', '/')), 'utf8')) as T;
    let images: { name: string; config: ImageConfig; manifest: Manifest }[];

    before(async () => {
      const source = ['--all', '--src-tls-verify=false', `docker://${hello}`];
      await succeed(['skopeo', 'copy', '--insecure-policy', ...source, `oci:${pulled}:1`]);
      const root = JSON.parse(readFileSync(join(pulled, 'index.json'), 'utf8')) as Index;
      const index = read<Index>(root.manifests[0]?.digest ?? '');
      images = index.manifests.map((entry) => {
        const manifest = read<Manifest>(entry.digest);
        const name = entry.platform === undefined ? '' : formatPlatform(entry.platform);
        return { name, manifest, config: read<ImageConfig>(manifest.config.digest) };
      });
    });

    test('there are two images, with what the Dockerfile says in their configs', () => {
      assert.deepEqual(
        images.map((image) => image.name),
        ['linux/amd64', 'linux/arm64'],
      );
      for (const { config, manifest, name } of images) {
        assert.equal(`${config.os}/${config.architecture}`, name);
        assert.equal(config.config?.User, 'www-data');
        assert.equal(config.config?.WorkingDir, '/srv');
        assert.deepEqual(config.config?.Entrypoint, ['cat']);
        assert.deepEqual(config.config?.Cmd, ['arch', 'machine']);
        assert.deepEqual(config.config?.ExposedPorts, { '8080/tcp': {} });
        assert.deepEqual(config.config?.Labels, { 'org.example.kind': 'first light' });
        assert.ok(config.config?.Env?.includes('NAME=world'));
        const layers = config.history?.filter((entry) => entry.empty_layer !== true);
        assert.equal(layers?.length, config.rootfs.diff_ids.length);
        assert.equal(manifest.layers.length, config.rootfs.diff_ids.length);
      }
    });

    test('what does not depend on the platform is one layer, built once', () => {
      const [first, second] = images.map((image) => image.manifest.layers.map((layer) => layer.digest));
      assert.ok(first !== undefined && second !== undefined);
      assert.equal(first[0], second[0], 'the directories of the base');
      assert.equal(first[2], second[2], 'the COPY of a file that a random number went into');
      assert.notEqual(first[1], second[1]);
    });

    test('the layers hold what the steps made', async () => {
      for (const { manifest } of images) {
        const listings: string[] = [];
        for (const layer of manifest.layers.slice(2)) {
          const file = join(pulled, 'blobs', layer.digest.replace(':', '/'));
          const { stdout } = await succeed(['tar', '--list', '--verbose', '--numeric-owner', '-zf', file]);
          listings.push(stdout);
        }
        const [greeting = '', arch = '', ran = ''] = listings;
        assert.match(greeting, /^-rwxr-x--- 33\/33 .* srv\/greeting$/m);
        assert.match(arch, /^-rw-r--r-- 0\/0 .* srv\/arch$/m);
        assert.match(ran, /^-rw-r--r-- 65534\/33 .* srv\/machine$/m);
        assert.match(ran, /^lrwxrwxrwx 0\/0 .* srv\/link -> machine$/m);
        assert.match(ran, /^-.* etc\/\.wh\.os-release$/m);
        // Nothing of the sandbox's own leaks into the layer.
        assert.doesNotMatch(ran, /resolv\.conf|etc\/hosts|\b(proc|sys|dev)\//);
      }
    });
  });

  test('a second build runs nothing: it needs no program and gives the same digest', async () => {
    const first = await digestOf('hello', '1');
    const nowhere = { ...env, PATH: join(scratch, 'no-programs') };
    const again = `${registry.host}/hello:again`;
    const { stdout, stderr } = await polyarch(buildArgs(again, context), { env: nowhere });
    assert.match(stdout + stderr, /CACHED/);
    assert.equal(await digestOf('hello', 'again'), first);
  });

  test('--no-cache runs the steps again', async () => {
    const args = buildArgs(`${registry.host}/hello:anew`, context);
    await polyarch([...args.slice(0, -1), '--no-cache', context], { env });
    const url = (tag: string) => digestOf('hello', tag);
    assert.notEqual(await url('anew'), await url('1'));
  });

  describe('under SOURCE_DATE_EPOCH', () => {
    const epoch = { SOURCE_DATE_EPOCH: '1700000000' };
    let user: OrdinaryUser | undefined;
    after(() => user?.remove());

    test('another directory, another time and an empty store give the same digest', async () => {
      const [here, there] = [join(scratch, 'here'), join(scratch, 'elsewhere/there')];
      writeContext(here, repeatable);
      mkdirSync(join(scratch, 'elsewhere'));
      cpSync(here, there, { recursive: true });
      utimesSync(join(there, 'greet.sh'), 1_000_000_000, 1_000_000_000);
      const first = { ...env, ...epoch, POLYARCH_HOME: join(scratch, 'home-a') };
      const second = { ...env, ...epoch, POLYARCH_HOME: join(scratch, 'home-b') };
      await polyarch(buildArgs(`${registry.host}/epoch:a`, here), { env: first });
      await polyarch(buildArgs(`${registry.host}/epoch:b`, there), { env: second });
      assert.equal(await digestOf('epoch', 'b'), await digestOf('epoch', 'a'));
    });

    test('another user gives the same digest', async (context) => {
      const made = makeOrdinaryUser();
      if (typeof made === 'string') {
        context.skip(made);
        return;
      }
      user = made;
      const directory = join(user.home, 'context');
      writeContext(directory, repeatable);
      user.own(directory);
      const theirs = { ...env, ...epoch, HOME: user.home, POLYARCH_HOME: join(user.home, 'data') };
      const command = user.polyarch(buildArgs(`${registry.host}/epoch:c`, directory));
      await succeed(command, { env: theirs });
      assert.equal(await digestOf('epoch', 'c'), await digestOf('epoch', 'a'));
    });
  });
});
