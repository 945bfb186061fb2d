import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeBaseImage } from '../../scripts/base-image.ts';
import { type EmbeddedRegistry, startRegistry } from '../../scripts/embedded-registry.ts';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { ImageConfig, Index, Manifest } from '../../src/oci/manifest.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { polyarch, polyarchProgram, runProgram, succeed } from '../fixtures/run-program.ts';

const dockerfile = `
ARG BASE
FROM \${BASE}
ARG TARGETARCH
LABEL org.example.arch=$TARGETARCH
WORKDIR /srv/app
COPY . .
COPY --chown=33:34 --chmod=640 greet.sh /tmp/
ENTRYPOINT ["/bin/sh", "greet.sh"]
`;

function writeContext(directory: string): void {
  mkdirSync(join(directory, 'deep/er'), { recursive: true });
  writeFileSync(join(directory, 'Dockerfile'), dockerfile, { mode: 0o644 });
  writeFileSync(join(directory, 'greet.sh'), 'echo hello\n', { mode: 0o644 });
  writeFileSync(join(directory, 'deep/er/file'), 'deep\n', { mode: 0o644 });
  writeFileSync(join(directory, 'left-out'), 'never sent\n', { mode: 0o644 });
  writeFileSync(join(directory, '.dockerignore'), 'left-out\n', { mode: 0o644 });
}

describe('a build without RUN', { timeout: 300_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'polyarch-copy-only-'));
  const context = join(scratch, 'context');
  const env = { ...process.env, POLYARCH_HOME: join(scratch, 'home') };
  let registry: EmbeddedRegistry;
  let base: string;

  const build = (reference: string, directory: string, ...more: string[]): string[] => [
    ...['build', '--platform', 'linux/amd64,linux/arm64', '--build-arg', `BASE=${base}`],
    ...['-t', reference, '--progress', 'plain', ...more, directory],
  ];
  const digestOf = async (repository: string, tag: string): Promise<string> => {
    const answer = await fetch(`http://${registry.host}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
    });
    return answer.headers.get('docker-content-digest') ?? '';
  };

  before(async () => {
    mkdirSync(join(scratch, 'registry'));
    registry = await startRegistry(join(scratch, 'registry'), { env });
    base = `${registry.host}/base:1`;
    await makeBaseImage(join(scratch, 'base')).push(base);
    writeContext(context);
    await polyarch(build(`${registry.host}/app:1`, context, '--push'), { env });
  });
  after(async () => {
    await registry.stop();
    removeTree(scratch);
  });

  test('inspect lists both platforms', async () => {
    const { stdout } = await polyarch(['inspect', `${registry.host}/app:1`], { env });
    assert.match(stdout, /linux\/amd64/);
    assert.match(stdout, /linux\/arm64/);
  });

  test('skopeo pulls both; what no platform changes is one layer', {
    skip: withoutPrograms('skopeo'),
  }, async () => {
    const pulled = join(scratch, 'pulled');
    const read = <T>(digest = ''): T =>
      JSON.parse(readFileSync(join(pulled, 'blobs', digest.replace(':', '/')), 'utf8')) as T;
    const source = ['--all', '--src-tls-verify=false', `docker://${registry.host}/app:1`];
    await succeed(['skopeo', 'copy', '--insecure-policy', ...source, `oci:${pulled}:1`]);
    const root = JSON.parse(readFileSync(join(pulled, 'index.json'), 'utf8')) as Index;
    const manifests = read<Index>(root.manifests[0]?.digest).manifests.map((entry) =>
      read<Manifest>(entry.digest),
    );
    const configs = manifests.map((manifest) => read<ImageConfig>(manifest.config.digest));
    assert.deepEqual(
      configs.map((config) => [
        config.architecture,
        config.config?.Labels?.['org.example.arch'],
        config.config?.WorkingDir,
      ]),
      [
        ['amd64', 'amd64', '/srv/app'],
        ['arm64', 'arm64', '/srv/app'],
      ],
    );
    const [first, second] = manifests.map((manifest) => manifest.layers.map((layer) => layer.digest));
    assert.deepEqual(first?.slice(-3), second?.slice(-3));
    const listings: string[] = [];
    for (const digest of first?.slice(-3) ?? []) {
      const file = join(pulled, 'blobs', digest.replace(':', '/'));
      const { stdout } = await succeed(['tar', '--list', '--verbose', '--numeric-owner', '-zf', file]);
      listings.push(stdout);
    }
    const [workdir = '', copied = '', owned = ''] = listings;
    assert.match(workdir, /^drwxr-xr-x 0\/0 .* srv\/app\/$/m);
    assert.match(copied, /^-rw-r--r-- 0\/0 .* srv\/app\/deep\/er\/file$/m);
    assert.doesNotMatch(copied, /left-out/);
    // The directory that was there keeps its mode.
    assert.match(owned, /^drwxrwxrwt 0\/0 .* tmp\/$/m);
    assert.match(owned, /^-rw-r----- 33\/34 .* tmp\/greet\.sh$/m);
  });

  test('a second build runs no step, and an image of equal content is the same bit for bit', async () => {
    const { stderr } = await polyarch(build(`${registry.host}/app:again`, context, '--push'), { env });
    assert.doesNotMatch(stderr, /DONE/);
    assert.match(stderr, /CACHED/);
    assert.equal(await digestOf('app', 'again'), await digestOf('app', '1'));
  });

  test('under SOURCE_DATE_EPOCH other directories, times and stores give the same digest', async () => {
    const there = join(scratch, 'elsewhere/there');
    mkdirSync(join(scratch, 'elsewhere'));
    cpSync(context, there, { recursive: true });
    utimesSync(join(there, 'greet.sh'), 1_800_000_000, 1_800_000_000);
    for (const [tag, directory] of [
      ['a', context],
      ['b', there],
    ] as const) {
      const home = { ...env, SOURCE_DATE_EPOCH: '1700000000', POLYARCH_HOME: join(scratch, `home-${tag}`) };
      await polyarch(build(`${registry.host}/epoch:${tag}`, directory, '--push'), { env: home });
    }
    assert.notEqual(await digestOf('epoch', 'a'), '');
    assert.equal(await digestOf('epoch', 'b'), await digestOf('epoch', 'a'));
  });

  test('without --push the image is in the local store, whole, and push sends it', async () => {
    const name = `${registry.host}/local:1`;
    await polyarch(build(name, context), { env });
    assert.match((await polyarch(['inspect', `local:${name}`], { env })).stdout, /linux\/arm64/);
    await polyarch(['push', name], { env });
    assert.match(await digestOf('local', '1'), /^sha256:/);
  });

  test('a step that is not supported is refused with its line, before anything is done', async () => {
    const directory = join(scratch, 'refused');
    mkdirSync(directory);
    writeFileSync(
      join(directory, 'Dockerfile'),
      `FROM ${base}\nCOPY Dockerfile /\nRUN --device=vendor.com/x true\n`,
    );
    const { code, stderr } = await runProgram([polyarchProgram, 'build', directory], { env });
    assert.equal(code, 2);
    assert.match(stderr, />>> RUN --device=.*[\s\S]*not supported yet/);
  });
});
