import { type Document, parseDocument } from '../content/document.ts';
import { readImageConfig, resolveDocument } from '../content/read-manifest.ts';
import { checkEntryCount, isAttestation, maxIndexDepth } from '../content/select-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../content/store.ts';
import { failure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Manifest } from '../oci/manifest.ts';
import { isIndexType } from '../oci/media-types.ts';
import type { Platform } from '../oci/platform.ts';

/** What one source has for an index: read, not yet chosen from. */
export interface IndexSource {
  /** As the user named it: for messages. */
  readonly name: string;
  /** Where its contents are. */
  readonly store: Store;
  readonly root: Descriptor;
  /** An index's entries, nested ones in the place of theirs; or the one manifest. Images have a platform. */
  readonly entries: readonly Descriptor[];
  /** Whether the root is an index, whose entries were written by somebody before. */
  readonly isIndex: boolean;
}

const readAtOnce = 8;

/**
 * Reads a source down to its manifests: an index is flattened, and a manifest without a platform gets its config's, spelled as there. An
 * artifact has none.
 */
export async function readSource(
  source: { name: string; store: Store; reference: string },
  options: IoOptions = {},
): Promise<IndexSource> {
  const { name, store, reference } = source;
  const root = await resolveDocument(store, reference, options);
  const document = parseDocument(root.bytes, name);
  const reader = new SourceReader(store, name, options);
  return {
    name,
    store,
    root: root.descriptor,
    entries: await reader.entries(root, document, 0),
    isIndex: document.kind === 'index',
  };
}

class SourceReader {
  readonly #store: Store;
  readonly #name: string;
  readonly #options: IoOptions;
  readonly #pool = new Pool(readAtOnce);
  #count = 0;

  constructor(store: Store, name: string, options: IoOptions) {
    this.#store = store;
    this.#name = name;
    this.#options = options;
  }

  async entries(read: ResolvedDocument, document: Document, depth: number): Promise<Descriptor[]> {
    if (document.kind === 'manifest') {
      // Layouts and archives note names and more beside it; that is about the place it was in.
      const { mediaType, digest, size } = read.descriptor;
      return [{ mediaType, digest, size, ...(await this.#facts(document.manifest)) }];
    }
    if (depth >= maxIndexDepth) {
      throw failure('LIMIT', 'read index', this.#name, `nested more than ${maxIndexDepth} deep`);
    }
    const { manifests } = document.index;
    this.#count += manifests.length;
    checkEntryCount(this.#name, this.#count);
    const found = await Promise.all(manifests.map((entry) => this.#entry(entry, depth)));
    return found.flat();
  }

  async #entry(entry: Descriptor, depth: number): Promise<Descriptor[]> {
    const nested = isIndexType(entry.mediaType);
    if (isAttestation(entry) || (entry.platform !== undefined && !nested)) return [entry];
    const read = await this.#pool.run(() => resolveDocument(this.#store, entry.digest, this.#options));
    const document = parseDocument(read.bytes, entry.digest);
    if (document.kind === 'index') return await this.entries(read, document, depth + 1);
    return [{ ...entry, ...(await this.#pool.run(() => this.#facts(document.manifest))) }];
  }

  /** The platform of an image; the artifact type of what is none (OCI image-spec, descriptor.md and manifest.md). */
  async #facts(manifest: Manifest): Promise<{ platform: Platform } | { artifactType: string }> {
    const { config, artifactType } = manifest;
    if (artifactType !== undefined || !isImageConfig(config)) {
      return { artifactType: artifactType ?? config.mediaType };
    }
    const image = await readImageConfig(this.#store, config, this.#options);
    return { platform: platformOf(image) };
  }
}

export function isImageConfig(config: Descriptor): boolean {
  return /\.(?:image\.config|container\.image)\.v1\+json$/.test(config.mediaType);
}

/** The platform's fields of a config, and nothing else of it. */
export function platformOf(config: Platform): Platform {
  const { os, architecture, variant } = config;
  const [version, features] = [config['os.version'], config['os.features']];
  return {
    architecture,
    os,
    ...(typeof version === 'string' && version !== '' ? { 'os.version': version } : {}),
    ...(Array.isArray(features) && features.length > 0 ? { 'os.features': features.map(String) } : {}),
    ...(typeof variant === 'string' && variant !== '' ? { variant } : {}),
  };
}
