import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import type { Index } from '../../src/oci/manifest.ts';
import { type RunningRegistry, startRegistry } from '../../src/registry/server/start-registry.ts';
import { copyGraph } from '../../src/transfer/copy-graph.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { randomImage } from '../fixtures/random-image.ts';
import { polyarch, polyarchProgram, runProgram, succeed } from '../fixtures/run-program.ts';

const skopeo = spawnSync('skopeo', ['--version']).status === 0;
const skip = skopeo ? false : 'skopeo is not installed (apt-get install skopeo)';
const plain = '--tls-verify=false';
const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x'];

describe('indexes, with images that skopeo pushed', { skip }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-index-'));
  const env = {
    ...process.env,
    POLYARCH_HOME: join(scratch, 'home'),
    DOCKER_CONFIG: join(scratch, 'docker'),
  };
  let registry: RunningRegistry;
  const name = (rest: string): string => `${registry.host}/${rest}`;
  /** Platform → the digest that skopeo pushed. */
  const pushed = new Map<string, string>();
  const run = (...args: string[]) => polyarch(args, { env });
  const source = (platform: string): string => name(`parts/${platform.replaceAll('/', '-')}:1`);
  const rawIndex = async (reference: string): Promise<Index> => {
    const { stdout } = await succeed(['skopeo', 'inspect', '--raw', plain, `docker://${reference}`]);
    return JSON.parse(stdout) as Index;
  };
  const platformsOf = ({ manifests }: Index) =>
    manifests.map(({ platform }) =>
      [platform?.os, platform?.architecture, platform?.variant].filter(Boolean).join('/'),
    );

  before(async () => {
    mkdirSync(join(scratch, 'docker'));
    registry = await startRegistry({ root: join(scratch, 'registry') });
    for (const [at, platform] of platforms.entries()) {
      const layout = join(scratch, `layout-${at}`);
      const store = await LayoutStore.open(layout);
      const { root } = await randomImage(store, { seed: at + 1, platforms: [platform] });
      await store.tag(root, 'x');
      await succeed([
        'skopeo',
        'copy',
        `--dest-${plain.slice(2)}`,
        `oci:${layout}:x`,
        `docker://${source(platform)}`,
      ]);
      pushed.set(platform, root.digest);
    }
  });
  after(async () => {
    await registry.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('four repositories become one name, the bytes of every child stay, and skopeo pulls each platform', async () => {
    const target = name('app:1');
    await run(
      'index',
      'create',
      target,
      ...platforms.map(source),
      '--require',
      platforms.join(','),
      '-t',
      name('app:latest'),
    );
    const index = await rawIndex(target);
    assert.deepEqual(platformsOf(index), platforms);
    assert.deepEqual(
      index.manifests.map((entry) => entry.digest),
      [...pushed.values()],
    );
    for (const [at, platform] of platforms.entries()) {
      const [os = '', architecture = '', variant] = platform.split('/');
      const pull = join(scratch, `pull-${at}`);
      const wanted = [
        `--override-os=${os}`,
        `--override-arch=${architecture}`,
        ...(variant ? [`--override-variant=${variant}`] : []),
      ];
      await succeed([
        'skopeo',
        ...wanted,
        'copy',
        '--preserve-digests',
        `--src-${plain.slice(2)}`,
        `docker://${target}`,
        `oci:${pull}:x`,
      ]);
      const store = await LayoutStore.open(pull, { create: false });
      assert.equal((await store.resolve('x')).digest, pushed.get(platform));
      const before = await succeed([
        'skopeo',
        'inspect',
        plain,
        '--format',
        '{{.Digest}}',
        `docker://${source(platform)}`,
      ]);
      assert.equal(before.stdout.trim(), pushed.get(platform));
    }
    assert.deepEqual(await rawIndex(name('app:latest')), index);
  });

  test('a dry run prints the bytes that are then pushed, and moves nothing', async () => {
    const args = [
      'index',
      'create',
      name('dry:1'),
      source('linux/amd64'),
      source('linux/arm64'),
      '--annotation',
      'k=v',
    ];
    const dry = await run(...args, '--dry-run');
    await assert.rejects(succeed(['skopeo', 'inspect', '--raw', plain, `docker://${name('dry:1')}`]));
    const { stdout } = await run(...args, '-q');
    assert.match(dry.stderr, new RegExp(`^${stdout.trim()}$`, 'm'));
    const raw = await succeed(['skopeo', 'inspect', '--raw', plain, `docker://${name('dry:1')}`]);
    assert.equal(raw.stdout, dry.stdout);
  });

  test('a missing platform or a name that somebody moved leaves the name alone', async () => {
    const target = name('guarded:1');
    await run('index', 'create', target, source('linux/amd64'), '--expect-digest', 'none');
    const before = await rawIndex(target);
    const refused = async (code: number, ...args: string[]) =>
      assert.equal(
        (await runProgram([polyarchProgram, 'index', ...args], { env })).code,
        code,
        args.join(' '),
      );
    await refused(4, 'create', target, source('linux/arm64'), '--require', 'linux/amd64,linux/arm64');
    await refused(1, 'create', target, source('linux/arm64'), '--expect-digest', 'none');
    await refused(1, 'append', target, source('linux/arm64'), '--expect-digest', `sha256:${'0'.repeat(64)}`);
    await refused(
      2,
      'create',
      target,
      source('linux/amd64'),
      `${source('linux/arm64')}@platform=linux/amd64`,
    );
    assert.deepEqual(await rawIndex(target), before);
  });

  test('an index is changed where it is: append, annotate, lint, mutate, remove', async () => {
    const target = name('changed:1');
    await run('index', 'create', target, source('linux/amd64'));
    await run(
      'index',
      'append',
      target,
      source('linux/arm64'),
      `${source('linux/s390x')}@platform=linux/mips`,
    );
    await run('index', 'annotate', target, 'linux/arm64', '--variant', 'v8', '--os-version', '6.1');
    const wrong = await runProgram(
      [polyarchProgram, 'index', 'lint', target, '--format', '{findings.rule}'],
      { env },
    );
    assert.deepEqual([wrong.code, wrong.stdout], [1, 'platform-mismatch\nunnormalised-platform\n']);
    await run('index', 'lint', target, '--fix');
    await run('index', 'mutate', target, '--user', 'nobody', '--platform', 'linux/s390x');
    await run('index', 'remove', target, 'linux/arm64');
    const index = await rawIndex(target);
    assert.deepEqual(platformsOf(index), ['linux/amd64', 'linux/s390x']);
    assert.equal(index.manifests[0]?.digest, pushed.get('linux/amd64'));
    const config = await succeed([
      ...(['skopeo', '--override-arch=s390x', 'inspect', '--config', plain] as const),
      `docker://${target}`,
    ]);
    assert.equal((JSON.parse(config.stdout) as { config: { User: string } }).config.User, 'nobody');
  });

  test('a base is swapped under every platform', async () => {
    const bases = { old: name('base:1'), next: name('base:2'), app: name('rebased:1') };
    const image = async (reference: string, seed: number, layers: number) => {
      const layout = await LayoutStore.open(join(scratch, `rebase-${seed}-${layers}`));
      const { root } = await randomImage(layout, { seed, layers, platforms: ['linux/amd64', 'linux/arm64'] });
      const { RegistryClient } = await import('../../src/registry/client/registry-client.ts');
      const client = new RegistryClient();
      const [repository = '', tag] = reference.slice(registry.host.length + 1).split(':');
      await copyGraph(layout, client.repository(registry.host, repository), root, { tag });
      client.close();
    };
    // One layer is common to both platforms and to both images of one seed: it is the old base.
    await image(bases.old, 71, 1);
    await image(bases.app, 71, 2);
    await image(bases.next, 72, 1);
    const layersOf = async (reference: string, architecture: string) => {
      const { stdout } = await succeed([
        'skopeo',
        `--override-arch=${architecture}`,
        'inspect',
        plain,
        `docker://${reference}`,
      ]);
      return (JSON.parse(stdout) as { Layers: string[] }).Layers;
    };
    const [, top] = await layersOf(bases.app, 'arm64');
    const [under] = await layersOf(bases.next, 'arm64');
    await run('index', 'rebase', bases.app, '--old-base', bases.old, '--new-base', bases.next);
    assert.deepEqual(await layersOf(bases.app, 'arm64'), [under, top]);
    const again = await runProgram(
      [polyarchProgram, 'index', 'rebase', bases.app, '--old-base', bases.old, '--new-base', bases.next],
      { env },
    );
    assert.equal(again.code, 2);
    assert.match(again.stderr, /the old base does not lie beneath it/);
  });

  test('jobs at once bring an index together', async () => {
    const target = name('fanned:1');
    const jobs = platforms.map((platform) =>
      run('index', 'create', target, source(platform), '--fan-in', 'run-7', '--require', platforms.join(',')),
    );
    const ended = await Promise.all(jobs);
    assert.ok(ended.some(({ stdout }) => stdout.includes('pushed')));
    assert.deepEqual(platformsOf(await rawIndex(target)), platforms);
  });

  test('an index put together in the local store is published from there', async () => {
    const target = name('local:1');
    const made = await run(
      'index',
      'create',
      `local:${target}`,
      source('linux/amd64'),
      source('linux/arm64'),
    );
    assert.match(made.stdout, /^stored local:/m);
    const pushed = await run('index', 'push', target, '--require', 'linux/arm64');
    assert.match(pushed.stdout, /^pushed 127/m);
    assert.deepEqual(platformsOf(await rawIndex(target)), ['linux/amd64', 'linux/arm64']);
  });

  test('the Makefile of the seed article, its command words replaced', {
    skip: withoutPrograms('make'),
  }, async () => {
    const image = name('multi-arch-build/app-1:v0.0.1');
    const context = join(scratch, 'context');
    mkdirSync(context);
    const dockerfile = [
      'FROM scratch',
      'ARG TARGETARCH GOLANG_VERSION',
      'LABEL arch=$TARGETARCH go=$GOLANG_VERSION',
    ];
    writeFileSync(join(context, 'Dockerfile'), `${dockerfile.join('\n')}\nCOPY Dockerfile /\n`);
    const manifest = join(scratch, 'docker-manifest');
    symlinkSync(polyarchProgram, manifest);
    // What the targets of lqshow/multi-arch-build come to: `docker buildx` is polyarch there, `docker manifest` docker-manifest.
    const makefile = `
OUTPUT_TYPE := registry
TARGETARCHS := amd64 arm64
ALL_OS_ARCH := linux-arm64 linux-amd64
GOLANG_VERSION := 1.17-buster

publish: $(addprefix build-,$(TARGETARCHS))
\t$(DOCKER_MANIFEST) create --amend $(IMAGE) $(addprefix $(IMAGE)-,$(ALL_OS_ARCH))
\t$(DOCKER_MANIFEST) push --purge $(IMAGE)
\t$(DOCKER_MANIFEST) inspect $(IMAGE)

build-%:
\t$(DOCKER_BUILDX) build --output=type=$(OUTPUT_TYPE) --platform linux/$* --build-arg TARGETARCH=$* \\
\t  --build-arg GOLANG_VERSION=$(GOLANG_VERSION) -t $(IMAGE)-linux-$* -f Dockerfile .
`;
    writeFileSync(join(context, 'Makefile'), makefile);
    const words = [`IMAGE=${image}`, `DOCKER_BUILDX=${polyarchProgram}`, `DOCKER_MANIFEST=${manifest}`];
    const { stdout } = await succeed(['make', '-s', '-C', context, 'publish', ...words], { env });
    assert.match(stdout, new RegExp(`^Created manifest list ${image}$`, 'm'));
    assert.deepEqual(platformsOf(await rawIndex(image)), ['linux/amd64', 'linux/arm64']);
    // What inspect printed is what the registry has.
    const printed = JSON.parse(stdout.slice(stdout.indexOf('{'), stdout.lastIndexOf('}') + 1)) as Index;
    assert.deepEqual(platformsOf(printed), ['linux/amd64', 'linux/arm64']);
    const local = await runProgram([manifest, 'rm', image], { env });
    assert.equal(local.code, 4, 'push --purge leaves nothing to remove');
  });

  test('the manifest-tool chapter of the seed article as it is printed', async () => {
    const image = name('build-with-kaniko:abc123');
    for (const arch of ['amd64', 'arm64']) {
      await succeed([
        ...(['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false'] as const),
        ...[`docker://${source(`linux/${arch}`)}`, `docker://${image}-${arch}`],
      ]);
    }
    const spec = [
      `image: ${image}`,
      'manifests:',
      ...['arm64', 'amd64'].flatMap((arch) => [
        `- image: ${image}-${arch}`,
        '  platform:',
        `    architecture: ${arch}`,
        '    os: linux',
      ]),
    ];
    writeFileSync(join(scratch, 'manifest.yml'), `${spec.join('\n')}\n`);
    const tool = join(scratch, 'manifest-tool');
    symlinkSync(polyarchProgram, tool);
    const words = ['--username', 'u', '--password', 'p', 'push', 'from-spec', 'manifest.yml'] as const;
    const { stdout } = await succeed([tool, ...words], { env, cwd: scratch });
    assert.match(stdout, /^Digest: sha256:[0-9a-f]{64} \d+\n$/);
    assert.deepEqual(platformsOf(await rawIndex(image)), ['linux/arm64', 'linux/amd64']);
  });
});
