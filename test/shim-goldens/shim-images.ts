import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { bytePathOf } from '../../src/archive/byte-path.ts';
import type { EntryHeader } from '../../src/archive/entry.ts';
import { encodeHeader, paddingOf } from '../../src/archive/tar-header.ts';
import { contentFromBytes } from '../../src/content/content.ts';
import { LayoutStore } from '../../src/content/layout/layout-store.ts';
import type { Store } from '../../src/content/store.ts';
import { digestOf } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { anonymous } from '../../src/registry/client/auth/credential.ts';
import { RegistryClient } from '../../src/registry/client/registry-client.ts';
import { copyGraph } from '../../src/transfer/copy-graph.ts';

const goldens = join(import.meta.dirname, '../goldens/shims');
type TarEntry = readonly [
  path: string,
  content: string | null | { link: string } | { symlink: string },
  mode?: number,
];

/** A layer: text is a file's, null a directory. */
export function layerTar(entries: readonly TarEntry[]): Buffer {
  const pieces = entries.flatMap(([path, content, mode]) => {
    const body = Buffer.from(typeof content === 'string' ? content : '');
    const linkname = kindOf(content);
    const type = linkname?.type ?? (content === null ? 'directory' : 'file');
    const header: EntryHeader = {
      path: bytePathOf(path),
      type,
      mode: mode ?? (content === null ? 0o755 : 0o644),
      uid: 0,
      gid: 0,
      mtime: 1_700_000_000,
      size: body.length,
      ...(linkname === undefined ? {} : { linkname: bytePathOf(linkname.target) }),
    };
    return [encodeHeader(header), body, Buffer.alloc(paddingOf(body.length))];
  });
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

function kindOf(content: TarEntry[1]): { type: 'hardlink' | 'symlink'; target: string } | undefined {
  if (typeof content !== 'object' || content === null) return undefined;
  return 'link' in content
    ? { type: 'hardlink', target: content.link }
    : { type: 'symlink', target: content.symlink };
}

const baseLayer = layerTar([
  ['etc/', null],
  ['etc/os', 'old'],
  ['etc/gone', 'x'],
  ['usr/', null, 0o711],
  ['usr/one', 'first'],
  ['usr/two', { link: 'usr/one' }],
  ['usr/sym', { symlink: 'one' }],
  ['dir/', null],
  ['dir/a', 'a'],
  ['dir/b', 'b'],
]);
const otherBaseLayer = layerTar([
  ['etc/', null],
  ['etc/os', 'new'],
  ['lib/', null],
  ['lib/x', 'x'],
]);
const appLayer = layerTar([
  ['etc/', null],
  ['etc/.wh.gone', ''],
  ['etc/os', 'mine'],
  ['dir/', null],
  ['dir/.wh..wh..opq', ''],
  ['dir/c', 'c'],
  ['app', 'program', 0o755],
]);

interface ImageKind {
  readonly family?: 'docker' | 'oci';
  readonly architecture?: string;
  readonly variant?: string;
}

/** Stored, not deflated: zlib's output differs between processors. */
export const gzipStored = (tar: Buffer): Buffer => gzipSync(tar, { level: 0 });

class Images {
  readonly #store: Store;
  constructor(store: Store) {
    this.#store = store;
  }

  async bytes(mediaType: string, bytes: Buffer): Promise<Descriptor> {
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await this.#store.push(descriptor, contentFromBytes(bytes));
    return descriptor;
  }

  async json(mediaType: string, value: unknown): Promise<Descriptor> {
    return await this.bytes(mediaType, Buffer.from(JSON.stringify(value)));
  }

  /** One image, in Docker's types or OCI's. */
  async image(
    layers: readonly Buffer[],
    container: object,
    { family = 'oci', architecture = 'amd64', variant }: ImageKind = {},
  ): Promise<Descriptor> {
    const docker = family === 'docker';
    const config = await this.json(docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig, {
      architecture,
      os: 'linux',
      ...(variant === undefined ? {} : { variant }),
      config: container,
      created: '2024-01-02T03:04:05Z',
      history: layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${at}` })),
      rootfs: { type: 'layers', diff_ids: layers.map((tar) => digestOf(tar)) },
    });
    const layerType = docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip;
    const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
    const written: Descriptor[] = [];
    for (const tar of layers) written.push(await this.bytes(layerType, gzipStored(tar)));
    return await this.json(mediaType, { schemaVersion: 2, mediaType, config, layers: written });
  }
}

/**
 * The images that the sessions are about, the same bytes each time: `amd64`, `arm64`, `arm-v7` (OCI), `docker-amd64`, `docker-arm64`, `index` (three
 * platforms), `attested` and `attested-one` (buildx), `base`, `next-base`, `app`.
 */
export async function putShimImages(host: string, scratch: string): Promise<void> {
  const store = await LayoutStore.open(join(scratch, 'images'));
  const images = new Images(store);
  const attested = await LayoutStore.open(join(goldens, 'attested'), { create: false });
  const client = new RegistryClient({ credentials: anonymous });
  const container = { Env: ['PATH=/bin', 'A=1'], Cmd: ['sh'], Labels: { k: 'v' } };
  const put = async (name: string, root: Descriptor, from: Store = store): Promise<void> => {
    await copyGraph(from, client.repository(host, name), root, { tag: '1' });
  };
  try {
    const manifests: Descriptor[] = [];
    for (const [architecture, variant] of [['amd64'], ['arm64'], ['arm', 'v7']] as const) {
      const kind = { architecture, ...(variant === undefined ? {} : { variant }) };
      const own = layerTar([[`for-${architecture}`, architecture]]);
      const image = await images.image([baseLayer, own], container, kind);
      await put(variant === undefined ? architecture : `${architecture}-${variant}`, image);
      manifests.push({ ...image, platform: { os: 'linux', ...kind } });
    }
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    await put('index', await images.json(mediaTypes.ociIndex, index));
    for (const architecture of ['amd64', 'arm64'])
      await put(
        `docker-${architecture}`,
        await images.image([baseLayer], container, { family: 'docker', architecture }),
      );
    await put('attested', await attested.resolve('two'), attested);
    await put('attested-one', await attested.resolve('one'), attested);
    await put('base', await images.image([baseLayer], container));
    await put('next-base', await images.image([otherBaseLayer], { ...container, Cmd: ['bash'] }));
    await put('app', await images.image([baseLayer, appLayer], { ...container, Entrypoint: ['/app'] }));
  } finally {
    client.close();
  }
}
