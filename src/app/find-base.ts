import type { FoundBase } from '../build/engines/local/found-base.ts';
import { keepingDocuments } from '../content/keeping-documents.ts';
import { selectManifest } from '../content/select-manifest.ts';
import type { IoOptions, Store } from '../content/store.ts';
import { isFailure } from '../lib/errors.ts';
import { Memo } from '../lib/memo.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Location } from '../oci/location.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { readImageLayers } from './image-layers.ts';
import { localName, openStore } from './stores.ts';

export interface BaseFinderOptions {
  readonly local: Store;
  readonly client: RegistryClient;
  /** Where the documents of images in registries are kept, by digest. Default: nowhere. */
  readonly documents?: string | undefined;
}

/** Finds base images as Docker does: in the local store when it has the platform, else in the registry. Reads metadata only; asks what a name leads to once. */
export class BaseFinder {
  readonly #options: BaseFinderOptions;
  readonly #roots = new Memo<Descriptor>();

  constructor(options: BaseFinderOptions) {
    this.#options = options;
  }

  async find(text: string, platform: Platform, io: IoOptions): Promise<FoundBase> {
    const { client, documents } = this.#options;
    const reference = withDefaultTag(parseReference(text));
    const local = await findLocal(reference, platform, this.#options.local, io);
    if (local !== undefined) return local;
    const { store, reference: identifier } = await openStore({ transport: 'docker', reference }, { client });
    const resolve = () => store.resolve(identifier, io);
    const root = await this.#roots.of(formatReference(reference), resolve, io.signal);
    const reader = documents === undefined ? store : keepingDocuments(store, documents);
    const selected = await selectManifest(reader, root, platform, io);
    const { registry, repository } = reference;
    return {
      ...(await readImageLayers(reader, selected, io)),
      manifest: selected,
      store,
      reference: formatReference({ ...reference, digest: root.digest }),
      origin: { registry, repository },
    };
  }
}

async function findLocal(
  reference: Reference,
  platform: Platform,
  local: Store,
  options: IoOptions,
): Promise<FoundBase | undefined> {
  try {
    const root = await local.resolve(localName(reference), options);
    const selected = await selectManifest(local, root, platform, options);
    return {
      ...(await readImageLayers(local, selected, options)),
      manifest: selected,
      store: local,
      reference: formatReference({ ...reference, digest: root.digest }),
    };
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND', 'PLATFORM_MISSING')) return undefined;
    throw error;
  }
}

/** An image at a place that was named, not looked for: an OCI layout. */
export async function findLocated(
  location: Location,
  platform: Platform,
  options: IoOptions,
): Promise<FoundBase> {
  const { store, reference } = await openStore(location);
  const root = await store.resolve(reference, options);
  const selected = await selectManifest(store, root, platform, options);
  const layers = await readImageLayers(store, selected, options);
  return { ...layers, manifest: selected, store, reference: root.digest };
}
