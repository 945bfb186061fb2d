import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MemoryStore } from '../src/content/memory-store.ts';
import { anonymous } from '../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../src/registry/client/registry-client.ts';
import { copyGraph } from '../src/transfer/copy-graph.ts';
import { randomImage } from '../test/fixtures/random-image.ts';
import { type Contender, compare } from './harness.ts';
import { startPeerRegistry } from './peer-registry.ts';
import { bundle, findPeer, ownNode, polyarch, runSync } from './programs.ts';
import type { Comparison } from './report.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x'];
const repository = 'bench/app';

/** Four images of one repository become one name: what the last job of a pipeline does. */
export async function indexCreate(options: {
  rounds?: number;
  onRound: (line: string) => void;
}): Promise<Comparison[]> {
  const directory = mkdtempSync(join(process.env.PEERS || tmpdir(), 'polyarch-bench-index-'));
  const peer = await startPeerRegistry(directory);
  try {
    const sources = await pushImages(peer.host);
    const { contenders, missing } = contendersFor(peer.host, sources, directory);
    const measurements = await compare(contenders, {
      rounds: options.rounds ?? 15,
      warmUp: 2,
      onRound: options.onRound,
    });
    return [{ title: 'index-create', measurements, missing }];
  } finally {
    await peer.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function pushImages(registry: string): Promise<string[]> {
  const client = new RegistryClient({ credentials: anonymous });
  try {
    const names: string[] = [];
    for (const [at, platform] of platforms.entries()) {
      const memory = new MemoryStore();
      const { root } = await randomImage(memory, { seed: at + 1, platforms: [platform] });
      const tag = platform.replaceAll('/', '-');
      await copyGraph(memory, client.repository(registry, repository), root, { tag });
      names.push(`${registry}/${repository}:${tag}`);
    }
    return names;
  } finally {
    client.close();
  }
}

function contendersFor(registry: string, sources: readonly string[], directory: string) {
  const contenders: Contender[] = [];
  const missing: string[] = [];
  const add = (name: string, tag: string, run: (target: string) => void): void => {
    const target = `${registry}/${repository}:${tag}`;
    contenders.push({ name, run: () => run(target), check: () => checkIndex(registry, tag) });
  };
  add('polyarch index create (checkout)', 'ours', (target) =>
    runSync(polyarch, ['index', 'create', target, ...sources]),
  );
  add('polyarch index create (bundle)', 'bundle', (target) =>
    runSync(ownNode, [bundle, 'index', 'create', target, ...sources]),
  );
  const docker = findPeer('docker');
  if (docker === undefined) missing.push('docker manifest: not installed');
  else {
    const env = { ...process.env, DOCKER_CONFIG: join(directory, 'docker') };
    add('docker manifest create; push', 'docker', (target) => {
      runSync(docker, ['manifest', 'create', '--insecure', target, ...sources], { env });
      runSync(docker, ['manifest', 'push', '--insecure', '--purge', target], { env });
    });
  }
  const crane = findPeer('crane');
  if (crane === undefined) missing.push('crane: not installed');
  else {
    const words = sources.flatMap((source) => ['-m', source]);
    add('crane index append', 'crane', (target) =>
      runSync(crane, ['index', 'append', ...words, '-t', target]),
    );
  }
  const buildah = findPeer('buildah');
  if (buildah === undefined) missing.push('buildah: not installed');
  else {
    const auth = join(directory, 'auth.json');
    writeFileSync(auth, '{}');
    const { DOCKER_CONFIG: _ignored, ...rest } = process.env;
    const env = { ...rest, REGISTRY_AUTH_FILE: auth };
    add('buildah manifest create; push', 'buildah', (target) => {
      // A run that was cut off leaves its list behind.
      const list = `polyarch-bench-index-${process.pid}`;
      const plain = '--tls-verify=false';
      runSync(
        buildah,
        ['manifest', 'create', plain, list, ...sources.map((source) => `docker://${source}`)],
        { env },
      );
      runSync(buildah, ['manifest', 'push', plain, '--rm', list, `docker://${target}`], { env });
    });
  }
  return { contenders, missing };
}

/** Fails unless the tag is an index of the four. */
async function checkIndex(registry: string, tag: string): Promise<void> {
  const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
    headers: {
      accept:
        'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json',
    },
  });
  const index = (await answer.json()) as { manifests?: unknown[] };
  if (index.manifests?.length !== platforms.length) {
    throw new Error(`Cannot believe "${tag}": it has ${index.manifests?.length ?? 'no'} manifests`);
  }
}
