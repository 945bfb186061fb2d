import type { LayoutStore } from '../content/layout/layout-store.ts';
import { selectManifest } from '../content/select-manifest.ts';
import { isDigest } from '../lib/digest.ts';
import { isFailure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type NamedLocation, parseLocation } from '../oci/location.ts';
import type { Platform } from '../oci/platform.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { type CopyEvent, copyGraph } from '../transfer/copy-graph.ts';
import { localName, openStore } from './stores.ts';

export type PullEvent = CopyEvent | RegistryEvent;

export interface ImageAtHandOptions {
  readonly local: LayoutStore;
  readonly client: RegistryClient;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

/** One platform's manifest, with its config and every layer in the local store. */
export interface ImageAtHand {
  readonly descriptor: Descriptor;
}

/**
 * Finds an image where Docker would: in the local store when it has that platform, else in the registry, from where this platform's manifest
 * comes into the local store. It gets its name there only when nothing has that name: an index that was built here stays what it is.
 */
export async function imageAtHand(
  text: string,
  platform: Platform,
  options: ImageAtHandOptions,
): Promise<ImageAtHand> {
  const { local, client, signal, onEvent } = options;
  const location = parseLocation(text);
  const named = location.transport === 'docker' || location.transport === 'local' ? location : undefined;
  const found =
    named && !text.startsWith('docker://') ? await findLocal(named, platform, options) : undefined;
  if (found !== undefined) return found;
  const remote = await openStore(location, { client });
  const io = { signal };
  try {
    const root = await remote.store.resolve(remote.reference, io);
    const descriptor = await selectManifest(remote.store, root, platform, io);
    const name = named && localName(named.reference);
    const isNew = name !== undefined && !isDigest(name) && !(await hasName(local, name, options));
    await copyGraph(remote.store, local, descriptor, { signal, onEvent });
    if (isNew) await local.tag(descriptor, name, io);
    return { descriptor };
  } finally {
    await remote.close();
  }
}

/** Undefined when the local store has no such image or lacks the platform; a failure when the local store was named. */
async function findLocal(
  location: NamedLocation,
  platform: Platform,
  { local, signal }: ImageAtHandOptions,
): Promise<ImageAtHand | undefined> {
  try {
    const root = await local.resolve(localName(location.reference), { signal });
    return { descriptor: await selectManifest(local, root, platform, { signal }) };
  } catch (error) {
    if (location.transport === 'local' || !isFailure(error, 'NOT_FOUND', 'PLATFORM_MISSING')) throw error;
    return undefined;
  }
}

async function hasName(local: LayoutStore, name: string, { signal }: ImageAtHandOptions): Promise<boolean> {
  try {
    await local.resolve(name, { signal });
    return true;
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return false;
    throw error;
  }
}
