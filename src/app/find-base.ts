import type { FoundBase } from '../build/engines/local/local-engine.ts';
import { readImageConfig, readManifest } from '../content/read-manifest.ts';
import { selectManifest } from '../content/select-manifest.ts';
import type { IoOptions, Store } from '../content/store.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { Descriptor, Layer } from '../oci/descriptor.ts';
import type { ImageConfig, Manifest } from '../oci/manifest.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
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
  const found = await readImage(store, selected, options);
  const { registry, repository } = reference;
  return {
    ...found,
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
    const found = await readImage(options.local, selected, options);
    return { ...found, reference: formatReference({ ...reference, digest: root.digest }) };
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND', 'PLATFORM_MISSING')) return undefined;
    throw error;
  }
}

async function readImage(store: Store, descriptor: Descriptor, options: IoOptions) {
  const manifest: Manifest = await readManifest(store, descriptor, options);
  const config: ImageConfig = await readImageConfig(store, manifest.config, options);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw failure(
      'CONTENT_INVALID',
      'use base image',
      descriptor.digest,
      `its config names ${diffIds.length} layers, its manifest ${manifest.layers.length}`,
    );
  }
  const layers = manifest.layers.map((layer, position): Layer => {
    const diffId = diffIds[position];
    if (diffId === undefined)
      throw failure('CONTENT_INVALID', 'use base image', descriptor.digest, 'a layer has no diff_id');
    return { descriptor: layer, diffId };
  });
  return { manifest: descriptor, config, layers, store };
}
