import { createHash } from 'node:crypto';
import { sniffCompression } from '../../archive/decompress.ts';
import { type Digest, digestOf, finishDigest, isDigest } from '../../lib/digest.ts';
import { failure, isFailure, throwIfAborted } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { isObject, parseObject } from '../document.ts';
import { containerdName } from '../layout/layout-index.ts';
import { collect } from '../read-manifest.ts';
import type { IoOptions } from '../store.ts';
import type { ArchiveContents } from './archive-store.ts';
import type { TarFile, TarPlace } from './tar-file.ts';

/** One image of manifest.json (moby image/tarexport). */
interface SavedImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** Docker's own limit is 127; squashed and hand-made archives have fewer. */
const maxLayers = 10_000;

interface Work extends IoOptions {
  readonly file: TarFile;
  readonly blobs: Map<Digest, TarPlace>;
  readonly made: Map<Digest, Buffer>;
  /** By where they lie: a list may name one a thousand times. */
  readonly layers: Memo<Descriptor>;
}

/**
 * The shape without an OCI layout. It has configs and layers, no manifests: they are made here, so that their digests are of no registry.
 * Layers are plain tars, whose digests the config tells, or compressed ones, which are read once for theirs.
 */
export async function dockerSaveContents(file: TarFile, options: IoOptions = {}): Promise<ArchiveContents> {
  const work: Work = { ...options, file, blobs: new Map(), made: new Map(), layers: new Memo() };
  const entries: Descriptor[] = [];
  for (const image of await readSavedImages(file)) {
    const descriptor = await makeManifest(image, work);
    const names = image.RepoTags.map((name) => formatReference(withDefaultTag(parseReference(name))));
    if (names.length === 0) entries.push(descriptor);
    for (const name of names) entries.push({ ...descriptor, annotations: { [containerdName]: name } });
  }
  return {
    blobs: work.blobs,
    made: work.made,
    entries,
    nameOf: (entry) => entry.annotations?.[containerdName],
  };
}

async function readSavedImages(file: TarFile): Promise<SavedImage[]> {
  const refuse = (what: string, hint?: string) =>
    failure('CONTENT_INVALID', 'read', file.path, what, { hint });
  let bytes: Buffer;
  try {
    bytes = await file.read('manifest.json', maxMetadataBytes);
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND')) throw error;
    const old = file.find('repositories') !== undefined;
    throw refuse(
      'no docker save archive: it has no manifest.json',
      old ? 'Docker before 1.10 wrote it: load and save it once more' : undefined,
    );
  }
  // A list, which parseObject takes inside an object only.
  const { list } = parseObject(
    Buffer.concat([Buffer.from('{"list":'), bytes, Buffer.from('}')]),
    `${file.path}: manifest.json`,
  );
  if (!Array.isArray(list)) throw refuse('its manifest.json is no list');
  return list.map((image: unknown) => {
    if (!isObject(image)) throw refuse('its manifest.json has an entry that is no object');
    const { Config, RepoTags, Layers } = image;
    const tags = RepoTags ?? [];
    if (typeof Config !== 'string' || !isTexts(Layers) || !isTexts(tags) || Layers.length > maxLayers) {
      throw refuse('its manifest.json has an entry without Config, RepoTags and Layers');
    }
    return { Config, RepoTags: tags, Layers };
  });
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

async function makeManifest(image: SavedImage, work: Work): Promise<Descriptor> {
  const { file, blobs, made } = work;
  const bytes = await file.read(image.Config, maxMetadataBytes);
  const value = parseObject(bytes, `${file.path}: ${image.Config}`);
  const { rootfs, os, architecture, variant } = value;
  const diffIds = isObject(rootfs) && isTexts(rootfs.diff_ids) ? rootfs.diff_ids : [];
  if (diffIds.length !== image.Layers.length) {
    const what = `${image.Config} names ${diffIds.length} layers, manifest.json ${image.Layers.length}`;
    throw failure('CONTENT_INVALID', 'read', file.path, what);
  }
  const config = { mediaType: mediaTypes.ociConfig, digest: digestOf(bytes), size: bytes.length };
  made.set(config.digest, bytes);
  const layers: Descriptor[] = [];
  for (const [at, name] of image.Layers.entries()) {
    const place = file.find(name);
    if (!place) throw failure('CONTENT_INVALID', 'read', file.path, `the archive has no ${name}`);
    const diffId = diffIds[at] ?? '';
    const layer = await work.layers.of(`${place.offset} ${diffId}`, () => describeLayer(place, diffId, work));
    blobs.set(layer.digest, place);
    layers.push(layer);
  }
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const document = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(document);
  made.set(digest, document);
  const platform =
    typeof os === 'string' && typeof architecture === 'string'
      ? {
          platform: {
            os,
            architecture,
            ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
          },
        }
      : {};
  return { mediaType: mediaTypes.ociManifest, digest, size: document.length, ...platform };
}

async function describeLayer(place: TarPlace, diffId: string, work: Work): Promise<Descriptor> {
  const { file, signal } = work;
  const compression = sniffCompression(await collect(file.stream(place, 0, 4)));
  if (compression === 'none') {
    if (!isDigest(diffId))
      throw failure('CONTENT_INVALID', 'read', file.path, `"${diffId.slice(0, 100)}" is no diff id`);
    return { mediaType: mediaTypes.ociLayer, digest: diffId, size: place.size };
  }
  const hash = createHash('sha256');
  for await (const chunk of file.stream(place)) {
    throwIfAborted(signal);
    hash.update(chunk as Buffer);
  }
  const mediaType = compression === 'zstd' ? mediaTypes.ociLayerZstd : mediaTypes.ociLayerGzip;
  return { mediaType, digest: finishDigest(hash), size: place.size };
}
