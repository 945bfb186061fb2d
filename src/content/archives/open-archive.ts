import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { parseObject } from '../document.ts';
import { containerdName, nameOf, parseLayoutIndex } from '../layout/layout-index.ts';
import type { IoOptions } from '../store.ts';
import { type ArchiveContents, ArchiveStore } from './archive-store.ts';
import { dockerSaveContents } from './docker-save.ts';
import { TarFile, type TarPlace } from './tar-file.ts';

/** An OCI image layout in a tar (image-layout.md). `path` may be `-`. NOT_FOUND without the file, CONTENT_INVALID for another tar. */
export async function openOciArchive(path: string, options: IoOptions = {}): Promise<ArchiveStore> {
  return await storeOf(await TarFile.open(path, options), async (file) => {
    if (file.find('oci-layout')) return await layoutContents(file);
    const docker = file.find('manifest.json') !== undefined;
    throw failure('CONTENT_INVALID', 'read', path, 'no OCI image layout: the archive has no oci-layout', {
      hint: docker ? `it is a docker save archive: docker-archive:${path}` : undefined,
    });
  });
}

/**
 * A tar of `docker save`: with `manifest.json` and a directory or file for each layer, or, since Docker 25, an OCI layout beside it, whose
 * manifests keep their digests and platforms. Names are references in full.
 */
export async function openDockerArchive(
  source: string | TarFile,
  options: IoOptions = {},
): Promise<ArchiveStore> {
  const opened = typeof source === 'string' ? await TarFile.open(source, options) : source;
  return await storeOf(opened, async (file) => {
    if (file.find('oci-layout') && file.find('index.json')) {
      return { ...(await layoutContents(file)), nameOf: (entry) => entry.annotations?.[containerdName] };
    }
    return await dockerSaveContents(file, options);
  });
}

async function storeOf(
  file: TarFile,
  read: (file: TarFile) => Promise<ArchiveContents>,
): Promise<ArchiveStore> {
  try {
    return new ArchiveStore(file, await read(file));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function layoutContents(file: TarFile): Promise<ArchiveContents> {
  const marker = parseObject(await file.read('oci-layout', maxMetadataBytes), `${file.path}: oci-layout`);
  if (marker.imageLayoutVersion !== '1.0.0') {
    throw failure('UNSUPPORTED', 'open', file.path, 'an OCI image layout of another version than 1.0.0');
  }
  const index = parseLayoutIndex(await file.read('index.json', maxMetadataBytes), `${file.path}: index.json`);
  const blobs = new Map<Digest, TarPlace>();
  for (const name of file.names()) {
    const digest = name.replace(/^blobs\/([^/]+)\//, '$1:');
    const place = digest !== name && isDigest(digest) ? file.find(name) : undefined;
    if (place && isDigest(digest)) blobs.set(digest, place);
  }
  return { blobs, made: new Map(), entries: index.manifests, nameOf };
}
