import { mkdir, readdir, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isDescriptor, isObject } from '../../content/document.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { digestOf } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { readFileWithin } from '../../lib/read-file-within.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { asGo, goPlatform } from '../../oci/go-types.ts';
import { maxMetadataBytes } from '../../oci/manifest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** One manifest of a list that is being put together, as docker's CLI keeps it (docker/cli, cli/manifest/types): either program reads the other's. */
export interface StoredManifest {
  readonly Ref: string;
  readonly Descriptor: Descriptor;
  /** The manifest's bytes, base64. */
  readonly Raw: string;
  readonly SchemaV2Manifest?: unknown;
  readonly OCIManifest?: unknown;
}

/** Base64, and twice the manifest as JSON. */
const maxStateBytes = 4 * maxMetadataBytes;
const maxStateFiles = 1000;

/** docker's own file names: a reference with `:` as `-` and `/` as `_`. Neither can lead out of its directory. */
function fileName(reference: Reference): string {
  return formatReference(reference).replaceAll(':', '-').replaceAll('/', '_');
}

/** Where docker's CLI keeps lists that are not pushed yet: a directory each, a file for each manifest. */
export class ManifestState {
  readonly #root: string;

  constructor(env: NodeJS.ProcessEnv = process.env) {
    const config = env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
    this.#root = join(config, 'manifests');
  }

  /** In the order of their file names, which is the order that docker pushes them in; undefined when there is no such list. */
  async list(list: Reference): Promise<StoredManifest[] | undefined> {
    const directory = join(this.#root, fileName(list));
    let names: string[];
    try {
      names = await readdir(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    if (names.length > maxStateFiles) {
      throw failure('LIMIT', 'read', directory, `more than ${maxStateFiles} manifests`);
    }
    const stored: StoredManifest[] = [];
    for (const name of names.filter((one) => !one.endsWith('.tmp')).sort()) {
      stored.push(
        parseStored(await readFileWithin(join(directory, name), maxStateBytes), join(directory, name)),
      );
    }
    return stored;
  }

  async get(list: Reference, manifest: Reference): Promise<StoredManifest | undefined> {
    const path = join(this.#root, fileName(list), fileName(manifest));
    const bytes = await readFileWithin(path, maxStateBytes).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    return bytes === undefined ? undefined : parseStored(bytes, path);
  }

  async save(list: Reference, manifest: Reference, stored: StoredManifest): Promise<void> {
    const directory = join(this.#root, fileName(list));
    await mkdir(directory, { recursive: true });
    await writeFileAtomic(join(directory, fileName(manifest)), JSON.stringify(stored));
  }

  async remove(list: Reference): Promise<void> {
    await rm(join(this.#root, fileName(list)), { recursive: true, force: true });
  }
}

/** As docker's CLI makes it of a manifest that it read. */
export function storedManifest(ref: string, descriptor: Descriptor, bytes: Buffer): StoredManifest {
  const document: unknown = JSON.parse(bytes.toString('utf8'));
  const { mediaType, digest, size, annotations, platform } = descriptor;
  const docker = mediaType === mediaTypes.dockerManifest;
  return {
    Ref: ref,
    Descriptor: {
      mediaType,
      digest,
      size,
      ...(annotations === undefined ? {} : { annotations }),
      ...(platform === undefined ? {} : { platform: asGo(platform, goPlatform) as Platform }),
    },
    Raw: bytes.toString('base64'),
    ...(docker ? { SchemaV2Manifest: document } : { OCIManifest: document }),
  };
}

/** CONTENT_INVALID when it is none, also when the bytes are not those of the digest. */
function parseStored(bytes: Buffer, path: string): StoredManifest {
  const invalid = (what: string) =>
    failure('CONTENT_INVALID', 'read', path, what, {
      hint: 'delete the file, or the list: polyarch shim docker-manifest rm LIST',
    });
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('not JSON');
  }
  if (!isObject(value) || typeof value.Ref !== 'string' || !isDescriptor(value.Descriptor)) {
    throw invalid('not a manifest as docker keeps it');
  }
  if (typeof value.Raw !== 'string') {
    throw invalid('it was written by a docker that did not keep the manifest’s bytes');
  }
  const stored = value as unknown as StoredManifest;
  if (digestOf(Buffer.from(stored.Raw, 'base64')) !== stored.Descriptor.digest) {
    throw invalid('its bytes are not those of its digest');
  }
  return stored;
}
