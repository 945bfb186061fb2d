import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { contentFromBytes } from '../src/content/content.ts';
import type { Store } from '../src/content/store.ts';
import { digestOf } from '../src/lib/digest.ts';
import type { Descriptor } from '../src/oci/descriptor.ts';
import { mediaTypes } from '../src/oci/media-types.ts';
import { anonymous } from '../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../src/registry/client/registry-client.ts';
import { type PeerRegistry, startPeerRegistry } from './peer-registry.ts';

/** Two registries of a peer's make; the first has what is copied. */
export interface CopyFixture {
  readonly directory: string;
  readonly source: PeerRegistry;
  readonly target: PeerRegistry;
  /** A directory that is empty. */
  emptyDirectory(name: string): string;
  /** The digest behind `REPOSITORY:TAG` of the target; throws without one. */
  targetDigest(repository: string, tag: string): Promise<string>;
  close(): Promise<void>;
}

const architectures = ['amd64', 'arm64', 'ppc64le', 's390x', 'riscv64', '386'];

export async function makeCopyFixture(): Promise<CopyFixture> {
  const directory = mkdtempSync(join(process.env.PEERS || tmpdir(), 'polyarch-bench-copy-'));
  const [source, target] = await Promise.all([
    startPeerRegistry(join(directory, 'source')),
    startPeerRegistry(join(directory, 'target')),
  ]);
  return {
    directory,
    source,
    target,
    emptyDirectory(name) {
      const path = join(directory, name);
      rmSync(path, { recursive: true, force: true });
      mkdirSync(path);
      return path;
    },
    async targetDigest(repository, tag) {
      const answer = await fetch(`http://${target.host}/v2/${repository}/manifests/${tag}`, {
        method: 'HEAD',
        headers: { accept: [mediaTypes.ociIndex, mediaTypes.ociManifest].join(', ') },
      });
      const digest = answer.headers.get('docker-content-digest');
      if (digest === null) throw new Error(`Cannot find "${repository}:${tag}": ${answer.status}`);
      return digest;
    },
    async close() {
      await Promise.all([source.close(), target.close()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `index:1` in the source: an image for six platforms of three layers each, which do not compress. Gives its digest. */
export async function pushIndex({ source }: CopyFixture, megabytes = 600): Promise<string> {
  return await withRepository(source.host, 'index', async (store) => {
    const size = Math.round((megabytes * 1e6) / architectures.length / 3);
    const manifests: Descriptor[] = [];
    for (const architecture of architectures) {
      manifests.push({
        ...(await putImage(store, architecture, 3, size)),
        platform: { os: 'linux', architecture },
      });
    }
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    const root = await put(store, mediaTypes.ociIndex, Buffer.from(JSON.stringify(index)));
    await store.tag(root, '1');
    return root.digest;
  });
}

/** `small:0` to `small:N-1` in the source: images of five layers of 10 kB that share nothing. */
export async function pushSmall({ source }: CopyFixture, images: number): Promise<void> {
  await withRepository(source.host, 'small', async (store) => {
    for (let number = 0; number < images; number++) {
      await store.tag(await putImage(store, 'amd64', 5, 10_000), String(number));
    }
  });
}

async function withRepository<T>(host: string, name: string, work: (store: Store) => Promise<T>): Promise<T> {
  const client = new RegistryClient({ credentials: anonymous });
  try {
    return await work(client.repository(host, name));
  } finally {
    client.close();
  }
}

async function put(store: Store, mediaType: string, bytes: Buffer): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await store.push(descriptor, contentFromBytes(bytes));
  return descriptor;
}

async function putImage(
  store: Store,
  architecture: string,
  count: number,
  size: number,
): Promise<Descriptor> {
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (let number = 0; number < count; number++) {
    const tar = randomBytes(size);
    diffIds.push(digestOf(tar));
    layers.push(await put(store, mediaTypes.ociLayerGzip, gzipSync(tar, { level: 1 })));
  }
  const config = { architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } };
  const described = await put(store, mediaTypes.ociConfig, Buffer.from(JSON.stringify(config)));
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: described, layers };
  return await put(store, mediaTypes.ociManifest, Buffer.from(JSON.stringify(manifest)));
}
