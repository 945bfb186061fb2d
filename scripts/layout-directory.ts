import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Digest } from '../src/lib/digest.ts';
import type { Descriptor } from '../src/oci/descriptor.ts';
import type { Index, Manifest } from '../src/oci/manifest.ts';
import { isIndexType, mediaTypes } from '../src/oci/media-types.ts';

/**
 * A small OCI layout of files that fit into memory. On purpose without the program's own stores and archives, which
 * the images made here are to test.
 */
export class LayoutDirectory {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
    writeFileSync(join(path, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  add(mediaType: string, bytes: Uint8Array): Descriptor {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const file = join(this.path, 'blobs/sha256', hex);
    writeFileSync(`${file}.${process.pid}`, bytes);
    renameSync(`${file}.${process.pid}`, file);
    return { mediaType, digest: `sha256:${hex}` as Digest, size: bytes.length };
  }

  addJson(mediaType: string, value: unknown): Descriptor {
    return this.add(mediaType, Buffer.from(JSON.stringify(value)));
  }

  read(descriptor: Descriptor): Buffer {
    return readFileSync(join(this.path, 'blobs', descriptor.digest.replace(':', '/')));
  }

  /** Makes `descriptor` what the layout holds under `tag`. */
  tag(descriptor: Descriptor, tag: string): void {
    const manifests = [{ ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } }];
    const index: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    writeFileSync(join(this.path, 'index.json'), JSON.stringify(index));
  }
}

/**
 * Pushes an index with all that it names to `host:port/repository:tag`, over plain HTTP: for registries on this
 * machine.
 */
export async function pushLayout(
  layout: LayoutDirectory,
  root: Descriptor,
  reference: string,
): Promise<void> {
  const [, host = '', repository = '', tag = ''] =
    /^([^/]+)\/(.+):([^:/]+)$/.exec(reference) ??
    fail(`"${reference}" is not of the form host:port/repository:tag`);
  const base = `http://${host}/v2/${repository}`;

  const send = async (url: string | URL, method: string, bytes: Uint8Array, mediaType: string) => {
    const body = new Uint8Array(bytes);
    const answer = await fetch(url, { method, body, headers: { 'content-type': mediaType } });
    if (!answer.ok) fail(`${method} ${url} got ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    return answer.headers;
  };
  const pushBlob = async (blob: Descriptor) => {
    const upload = await send(`${base}/blobs/uploads/`, 'POST', Buffer.alloc(0), 'application/octet-stream');
    const url = new URL(upload.get('location') ?? fail('the registry named no upload location'), base);
    url.searchParams.set('digest', blob.digest);
    await send(url, 'PUT', layout.read(blob), 'application/octet-stream');
  };
  const pushManifest = async (descriptor: Descriptor, name: string): Promise<void> => {
    const bytes = layout.read(descriptor);
    if (isIndexType(descriptor.mediaType)) {
      const { manifests } = JSON.parse(bytes.toString()) as Index;
      for (const child of manifests) await pushManifest(child, child.digest);
    } else {
      const { config, layers } = JSON.parse(bytes.toString()) as Manifest;
      for (const blob of [config, ...layers]) await pushBlob(blob);
    }
    await send(`${base}/manifests/${name}`, 'PUT', bytes, descriptor.mediaType);
  };
  await pushManifest(root, tag);
}

function fail(what: string): never {
  throw new Error(`Cannot push the layout: ${what}`);
}
