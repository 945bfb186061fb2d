import { childrenOf, type Document, isDocumentType } from '../../content/document.ts';
import type { LayoutStore } from '../../content/layout/layout-store.ts';
import { readDocument, readImageConfig } from '../../content/read-manifest.ts';
import { isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { isFailure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { familiarReference, parseReference, type Reference } from '../../oci/reference.ts';
import { subjectTagOf } from '../../oci/referrers-tag.ts';
import { findLocalStore, localName } from '../stores.ts';

export interface ListImagesOptions extends IoOptions {
  /** Only this repository's, or this one when it has a tag. */
  readonly reference?: string | undefined;
  /** Names that are kept for other images (signatures, indexes of referrers) too. Default false. */
  readonly all?: boolean | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** One name of the local store. */
export interface LocalImage {
  readonly reference: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platforms: readonly string[];
  /** RFC 3339: the newest of its configs. */
  readonly created?: string;
  /** Bytes of all that it reaches, each content once, as stored. */
  readonly size: number;
  /** Contents that it names and the store does not have: base layers that no build has read. */
  readonly missing: number;
  /** Manifests and indexes that are here and cannot be read; what they name is not counted. */
  readonly damaged: number;
}

/** What has a name in the local store, by name. None when there is no store yet. */
export async function listImages(options: ListImagesOptions = {}): Promise<LocalImage[]> {
  const store = await findLocalStore(options);
  if (store === undefined) return [];
  const wanted = options.reference === undefined ? undefined : parseReference(options.reference);
  const images: LocalImage[] = [];
  for (const entry of await store.entries()) {
    const name = entry.annotations?.['org.opencontainers.image.ref.name'];
    if (name === undefined || (subjectTagOf(name) !== undefined && !options.all)) continue;
    if (wanted && !matches(name, wanted)) continue;
    images.push({ reference: familiar(name), ...(await describe(store, entry, options)) });
  }
  return images.sort((a, b) => (a.reference < b.reference ? -1 : 1));
}

function matches(name: string, wanted: Reference): boolean {
  if (wanted.tag !== undefined) return name === localName(wanted);
  return name.startsWith(`${wanted.registry}/${wanted.repository}:`);
}

/** Names that other tools gave may be no references. */
function familiar(name: string): string {
  try {
    return familiarReference(parseReference(name));
  } catch {
    return name;
  }
}

async function describe(
  store: LayoutStore,
  root: Descriptor,
  options: IoOptions,
): Promise<Omit<LocalImage, 'reference'>> {
  const seen = new Set<Digest>();
  const platforms: string[] = [];
  let [size, missing, damaged] = [0, 0, 0];
  let created: string | undefined;
  const pending: Descriptor[] = [root];
  for (let content = pending.pop(); content !== undefined; content = pending.pop()) {
    if (seen.has(content.digest)) continue;
    seen.add(content.digest);
    size += content.size;
    if (!(await store.exists(content, options))) missing++;
    else if (isDocumentType(content.mediaType)) {
      const document = await documentOf(store, content, options);
      if (document === undefined) {
        damaged++;
        continue;
      }
      pending.push(...childrenOf(document).toReversed());
      if (isAttestation(content) || document.kind === 'index') continue;
      const config = await readImageConfig(store, document.manifest.config, options).catch(() => undefined);
      if (config === undefined) continue;
      // cosign's artifacts call themselves images of no platform.
      if (config.os !== '') platforms.push(formatPlatform(content.platform ?? config));
      if (typeof config.created === 'string' && !(created !== undefined && created > config.created))
        created = config.created;
    }
  }
  return {
    digest: root.digest,
    mediaType: root.mediaType,
    platforms,
    ...(created === undefined ? {} : { created }),
    size,
    missing,
    damaged,
  };
}

/** One that is damaged does not keep the others from being listed. */
async function documentOf(
  store: LayoutStore,
  content: Descriptor,
  options: IoOptions,
): Promise<Document | undefined> {
  try {
    return await readDocument(store, content, options);
  } catch (error) {
    if (isFailure(error, 'CONTENT_INVALID') || isFailure(error, 'LIMIT')) return undefined;
    throw error;
  }
}
