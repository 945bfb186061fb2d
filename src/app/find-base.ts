import type { FoundBase } from '../build/engines/local/found-base.ts';
import { selectManifest } from '../content/select-manifest.ts';
import type { IoOptions, Store } from '../content/store.ts';
import { isFailure } from '../lib/errors.ts';
import type { Location } from '../oci/location.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { readImageLayers } from './image-layers.ts';
import { localName, openStore } from './stores.ts';

export interface FindBaseOptions extends IoOptions {
  local: Store;
  client: RegistryClient;
}

/** A base image as Docker finds it: in the local store when it has that platform, else in the registry. Reads metadata only. */
export async function findBase(
  text: string,
  platform: Platform,
  options: FindBaseOptions,
): Promise<FoundBase> {
  const reference = withDefaultTag(parseReference(text));
  const local = await findLocal(reference, platform, options);
  if (local !== undefined) return local;
  const { store, reference: identifier } = await openStore(
    { transport: 'docker', reference },
    { client: options.client },
  );
  const root = await store.resolve(identifier, options);
  const selected = await selectManifest(store, root, platform, options);
  const { registry, repository } = reference;
  return {
    ...(await readImageLayers(store, selected, options)),
    manifest: selected,
    store,
    reference: formatReference({ ...reference, digest: root.digest }),
    origin: { registry, repository },
  };
}

async function findLocal(
  reference: Reference,
  platform: Platform,
  options: FindBaseOptions,
): Promise<FoundBase | undefined> {
  try {
    const root = await options.local.resolve(localName(reference), options);
    const selected = await selectManifest(options.local, root, platform, options);
    return {
      ...(await readImageLayers(options.local, selected, options)),
      manifest: selected,
      store: options.local,
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
