import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { removeTree } from '../../scripts/remove-tree.ts';
import type { Index } from '../../src/oci/manifest.ts';
import { Buildah } from '../fixtures/buildah.ts';
import { withoutPrograms } from '../fixtures/capabilities.ts';
import { DockerDaemon } from '../fixtures/docker-daemon.ts';
import { type DockerRegistry, startDockerRegistry } from '../fixtures/docker-registry.ts';
import { polyarch, runProgram, succeed } from '../fixtures/run-program.ts';

const attested = resolve(import.meta.dirname, '../goldens/shims/attested');
const plain = '--tls-verify=false';
const missing =
  (process.getuid?.() !== 0 && 'needs root, to start dockerd') ||
  withoutPrograms('dockerd', 'buildah', 'skopeo', 'docker-registry');

/** Images that skopeo, buildah and dockerd pushed to the reference registry; what comes of them is read back and pulled by them. */
describe('indexes of what peers pushed', { skip: missing, timeout: 300_000 }, () => {
  let scratch: string;
  let registry: DockerRegistry;
  let daemon: DockerDaemon;
  let buildah: Buildah;
  let env: NodeJS.ProcessEnv;
  const name = (rest: string): string => `${registry.host}/${rest}`;
  const index = (...args: string[]) => polyarch(['index', ...args], { env });
  const raw = async (reference: string): Promise<string> =>
    (await succeed(['skopeo', 'inspect', '--raw', plain, `docker://${reference}`])).stdout;
  const read = async (reference: string): Promise<Index> => JSON.parse(await raw(reference)) as Index;
  const digestOf = async (reference: string): Promise<string> => {
    const format = ['--format', '{{.Digest}}', '--no-tags', `docker://${reference}`] as const;
    return (await succeed(['skopeo', 'inspect', plain, ...format])).stdout.trim();
  };
  const platforms = ({ manifests }: Index) =>
    manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`);

  before(async () => {
    scratch = mkdtempSync('/var/tmp/polyarch-peers-');
    env = { ...process.env, POLYARCH_HOME: join(scratch, 'home'), DOCKER_CONFIG: join(scratch, 'config') };
    for (const path of ['config', 'docker', 'context']) mkdirSync(join(scratch, path));
    registry = await startDockerRegistry();
    buildah = new Buildah(join(scratch, 'buildah'));
    daemon = await DockerDaemon.start(join(scratch, 'docker'));
    writeFileSync(join(scratch, 'context/Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
  });
  after(async () => {
    await daemon?.stop();
    await registry?.close();
    removeTree(scratch);
  });

  const docker = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(...args);
    assert.equal(code, 0, `${args.join(' ')}\n${stderr}`);
    return stdout;
  };
  /** An image of the engine, for its own architecture. */
  const build = async (reference: string): Promise<void> => {
    await docker('build', '--quiet', '--tag', reference, join(scratch, 'context'));
  };

  test('one image from each: the children keep their bytes, and every peer pulls its platform', async () => {
    const host = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const [ofDocker, ofBuildah, ofSkopeo] = [name('docker:1'), name('buildah:1'), name('skopeo:1')];
    await build(ofDocker);
    await docker('push', ofDocker);
    const pushed = await buildah.push(ofBuildah, 's390x');
    const both = ['--all', '--dest-tls-verify=false', `oci:${attested}:one`, `docker://${ofSkopeo}`] as const;
    await succeed(['skopeo', 'copy', ...both]);
    const sources = [ofDocker, ofBuildah, ofSkopeo];
    const before = await Promise.all(sources.map(raw));
    const target = name('all:1');
    await index(
      'create',
      target,
      `${ofDocker}@platform=linux/${host}`,
      ofBuildah,
      `${ofSkopeo}@platform=linux/arm`,
    );
    const made = await read(target);
    assert.deepEqual(platforms(made), [`linux/${host}`, 'linux/s390x', 'linux/arm', 'unknown/unknown']);
    assert.equal(made.manifests[1]?.digest, pushed);
    const inner = JSON.parse(before[2] ?? '') as Index;
    assert.deepEqual(
      made.manifests.slice(2).map(({ digest }) => digest),
      inner.manifests.map(({ digest }) => digest),
    );
    assert.deepEqual(await Promise.all(sources.map(raw)), before);
    for (const { digest } of made.manifests) assert.equal(await digestOf(`${name('all')}@${digest}`), digest);
    // The engine takes its own platform out of the index; the image is the one that it pushed.
    const own = await docker('image', 'inspect', '--format', '{{.Id}}', ofDocker);
    await docker('image', 'rm', '--force', ofDocker);
    await docker('pull', '--quiet', target);
    assert.equal(await docker('image', 'inspect', '--format', '{{.Id}}', target), own);
    const pulled = join(scratch, 'pulled');
    const chosen = ['--override-arch=s390x', 'copy', '--preserve-digests', '--src-tls-verify=false'] as const;
    await succeed(['skopeo', ...chosen, `docker://${target}`, `oci:${pulled}:x`]);
    const layout = JSON.parse(readFileSync(join(pulled, 'index.json'), 'utf8')) as Index;
    assert.equal(layout.manifests[0]?.digest, pushed);
  });

  test('what buildx pushed with provenance: kept and pointing, or left out', async () => {
    await succeed([
      ...(['skopeo', 'copy', '--all', '--dest-tls-verify=false'] as const),
      ...[`oci:${attested}:two`, `docker://${name('buildx:1')}`],
    ]);
    await buildah.push(name('more:1'), 's390x');
    await index('create', name('kept:1'), name('buildx:1'), name('more:1'));
    const kept = await read(name('kept:1'));
    const unknown = ['unknown/unknown', 'unknown/unknown'];
    assert.deepEqual(platforms(kept), ['linux/amd64', 'linux/arm64', 'linux/s390x', ...unknown]);
    const subjects = kept.manifests.map(({ annotations }) => annotations?.['vnd.docker.reference.digest']);
    assert.deepEqual(
      subjects.slice(3),
      kept.manifests.slice(0, 2).map(({ digest }) => digest),
    );
    await index('create', '--no-attestations', name('bare:1'), name('buildx:1'), name('more:1'));
    assert.deepEqual(platforms(await read(name('bare:1'))), platforms(kept).slice(0, 3));
    // Changed images: their attestations follow, and a warning says of what they were made.
    const mutated = await index('mutate', name('kept:1'), '--label', 'a=b', '--platform', 'linux/arm64');
    assert.match(
      mutated.stderr,
      /warning: 1 attestations point at the changed images; what they state names/,
    );
    const changed = await read(name('kept:1'));
    assert.notEqual(changed.manifests[1]?.digest, kept.manifests[1]?.digest);
    const lint = await runProgram([resolve('polyarch'), 'index', 'lint', name('kept:1')], { env });
    assert.equal(lint.code, 0, lint.stdout);
    await succeed([
      'skopeo',
      'inspect',
      '--raw',
      plain,
      `docker://${name('kept')}@${changed.manifests[4]?.digest}`,
    ]);
  });

  test('archives and the engine are sources too', async () => {
    const [saved, archive] = [join(scratch, 'saved.tar'), join(scratch, 'oci.tar')];
    await build('saved:1');
    await docker('save', '--output', saved, 'saved:1');
    const from = [
      '--override-arch=arm64',
      'copy',
      `oci:${attested}:two`,
      `oci-archive:${archive}:x`,
    ] as const;
    await succeed(['skopeo', ...from]);
    const target = name('mixed:1');
    const socket = { ...env, DOCKER_HOST: `unix://${join(scratch, 'docker/socket')}` };
    const platform = (source: string, text: string): string => `${source}@platform=${text}`;
    const sources = [
      platform(`docker-archive:${saved}:saved:1`, 'linux/amd64'),
      platform('docker-daemon:saved:1', 'linux/386'),
      `oci-archive:${archive}:x`,
    ];
    await polyarch(['index', 'create', target, ...sources], { env: socket });
    const made = await read(target);
    assert.deepEqual(platforms(made), ['linux/amd64', 'linux/386', 'linux/arm64']);
    // The engine's two ways out of it are one image, to the byte.
    assert.equal(made.manifests[0]?.digest, made.manifests[1]?.digest);
    await docker('image', 'rm', 'saved:1');
    await docker('pull', '--quiet', '--platform', 'linux/amd64', target);
    const wanted = `${attested}/blobs/${made.manifests[2]?.digest.replace(':', '/')}`;
    assert.equal(await raw(`${name('mixed')}@${made.manifests[2]?.digest}`), readFileSync(wanted, 'utf8'));
  });
});
