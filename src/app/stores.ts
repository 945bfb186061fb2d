import { join, resolve as resolvePath } from 'node:path';
import type { LayoutStore } from '../content/layout/layout-store.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { Location } from '../oci/location.ts';
import { formatReference, identifierOf, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { OnRegistryEvent } from '../registry/client/events.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { chooseEntry } from './choose-entry.ts';
import type { OpenedStore } from './opened-store.ts';
import { clientOptions, type RegistrySettings } from './registry-settings.ts';

export interface OpenStoreOptions {
  readonly signal?: AbortSignal | undefined;
  /** Shared by all registries of one run: connections, tokens, credentials. Default: one of its own. */
  readonly client?: RegistryClient | undefined;
  /** For that client of its own. */
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /**
   * It is written to. A local store is made when there is none; a repository is spoken to itself, not its mirrors. Default false: what only
   * reads leaves nothing behind.
   */
  readonly create?: boolean | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

const nothingOpen = async (): Promise<void> => {};

/** The one place that knows which store a transport means. */
export async function openStore(location: Location, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  switch (location.transport) {
    case 'docker': {
      const { reference } = location;
      const client = options.client ?? (await createRegistryClient(options));
      return {
        store: options.create
          ? client.repository(reference.registry, reference.repository)
          : client.source(reference.registry, reference.repository),
        reference: identifierOf(reference),
        sibling: (tag) => tag,
        close: nothingOpen,
      };
    }
    case 'local':
      return {
        store: await openLocalStore(options),
        reference: localName(location.reference),
        sibling: (tag) => localSibling(location.reference, tag),
        close: nothingOpen,
      };
    case 'oci': {
      const { LayoutStore } = await import('../content/layout/layout-store.ts');
      const store = await LayoutStore.open(resolvePath(location.path), { create: options.create ?? false });
      const chosen = chooseEntry(await store.entries(), location);
      return { store, reference: chosen, sibling: (tag) => tag, close: nothingOpen };
    }
    case 'dir': {
      const { ImageDirectory } = await import('../content/directory/image-directory.ts');
      const path = resolvePath(location.path);
      const store = await ImageDirectory.open(path);
      return { store, reference: store.root?.digest ?? path, close: nothingOpen };
    }
    case 'oci-archive':
    case 'docker-archive':
    case 'docker-daemon': {
      const { openArchive } = await import('./open-archive.ts');
      return await openArchive(location, options);
    }
  }
}

export interface CreateRegistryClientOptions {
  /** What the user said of registries: credentials, TLS, limits. Default: what files and the environment say. */
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export async function createRegistryClient(
  options: CreateRegistryClientOptions = {},
): Promise<RegistryClient> {
  const { RegistryClient } = await import('../registry/client/registry-client.ts');
  return new RegistryClient({ ...(await clientOptions(options)), onEvent: options.onEvent });
}

/** The local store; undefined when there is none yet. */
export async function findLocalStore(options: OpenStoreOptions = {}): Promise<LayoutStore | undefined> {
  try {
    return await openLocalStore(options);
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The user's own content-addressed OCI layout, shared by all commands. NOT_FOUND when there is none and `create` is not asked for. */
export async function openLocalStore(options: OpenStoreOptions = {}): Promise<LayoutStore> {
  const { LayoutStore } = await import('../content/layout/layout-store.ts');
  const directory = localStoreDirectory(options.env);
  try {
    const store = await LayoutStore.open(directory, { create: options.create ?? false });
    // Whoever writes keeps what it works with from `images prune`, as long as the process lives.
    if (options.create) await store.lease();
    return store;
  } catch (error) {
    if (options.create || !isFailure(error, 'NOT_FOUND')) throw error;
    throw failure('NOT_FOUND', 'open', 'local:', 'there is no local store yet', {
      hint: 'polyarch build -t NAME . puts an image there',
      cause: error,
    });
  }
}

function localStoreDirectory(env?: NodeJS.ProcessEnv): string {
  return join(dataDirectory(env), 'store');
}

/** The name of a tag of the same repository in the local store. */
export function localSibling({ registry, repository }: Reference, tag: string): string {
  return formatReference({ registry, repository, tag });
}

/** The name that a reference has in the local store: in full with its tag, or its digest alone. */
export function localName(reference: Reference): string {
  return reference.digest ?? formatReference(withDefaultTag(reference));
}
