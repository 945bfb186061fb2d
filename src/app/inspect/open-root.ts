import { resolveDocument } from '../../content/read-manifest.ts';
import { selectManifest } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatLocation, type Location, parseLocation } from '../../oci/location.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { hostPlatform, type Platform, parsePlatform } from '../../oci/platform.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';

export interface InspectOptions extends IoOptions {
  /** Show this platform's manifest instead of the index. PLATFORM_MISSING when there is none. */
  readonly platform?: string | undefined;
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** What is looked at: a store, and the index or manifest in it that the reference or its platform means. */
export interface Root {
  readonly store: Store;
  readonly location: Location;
  /** The location in its one spelling. */
  readonly reference: string;
  readonly descriptor: Descriptor;
}

/** Opens what `text` names for as long as `use` runs. The root's document is read with it: one request to a registry. */
export async function withRoot<T>(
  text: string,
  options: InspectOptions,
  use: (root: Root) => Promise<T>,
): Promise<T> {
  const location = parseLocation(text);
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const client = location.transport === 'docker' ? await createRegistryClient(options) : undefined;
  try {
    const { store, reference, close } = await openStore(location, { client, env: options.env });
    try {
      const { descriptor } = await resolveDocument(store, reference, options);
      const root = { store, location, reference: formatLocation(location), descriptor };
      return await use(platform === undefined ? root : await atPlatform(root, platform, options));
    } finally {
      await close();
    }
  } finally {
    client?.close();
  }
}

/** The same root, narrowed to one platform's manifest. PLATFORM_MISSING, listing the others, when it has none. */
export async function atPlatform(root: Root, platform: Platform, options: IoOptions): Promise<Root> {
  return { ...root, descriptor: await selectManifest(root.store, root.descriptor, platform, options) };
}

/** What stands behind a root as one image: the manifest itself, or an index's for this machine's platform. */
export async function imageOf(root: Root, options: IoOptions): Promise<Root> {
  return isIndexType(root.descriptor.mediaType) ? await atPlatform(root, hostPlatform(), options) : root;
}
