import { join, resolve as resolvePath } from 'node:path';
import type { LayoutStore } from '../content/layout/layout-store.ts';
import type { Store } from '../content/store.ts';
import { dataDirectory } from '../lib/data-directory.ts';
import { failure, isFailure } from '../lib/errors.ts';
import { formatLocation, type LayoutLocation, type Location } from '../oci/location.ts';
import { formatReference, identifierOf, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { OnRegistryEvent } from '../registry/client/events.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { clientOptions, type RegistrySettings } from './registry-settings.ts';

export interface OpenStoreOptions {
  /** Shared by all registries of one run: connections, tokens, credentials. Default: one of its own. */
  readonly client?: RegistryClient | undefined;
  /** For that client of its own. */
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: OnRegistryEvent | undefined;
  /** Make the local store when there is none. Default false: what only reads leaves nothing behind. */
  readonly create?: boolean | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface OpenedStore<S extends Store = Store> {
  readonly store: S;
  /** What the store resolves for the location: a digest, a tag, a name of the layout, or in the local store the reference in full. */
  readonly reference: string;
  /** Gives back what an archive holds open. Registries and directories hold nothing. */
  close(): Promise<void>;
}

const nothingOpen = async (): Promise<void> => {};

/** The one place that knows which store a transport means. */
export async function openStore(location: Location, options: OpenStoreOptions = {}): Promise<OpenedStore> {
  switch (location.transport) {
    case 'docker': {
      const { reference } = location;
      const client = options.client ?? (await createRegistryClient(options));
      return {
        store: client.repository(reference.registry, reference.repository),
        reference: identifierOf(reference),
        close: nothingOpen,
      };
    }
    case 'local':
      return {
        store: await openLocalStore(options),
        reference: localName(location.reference),
        close: nothingOpen,
      };
    case 'oci': {
      const { LayoutStore } = await import('../content/layout/layout-store.ts');
      const store = await LayoutStore.open(resolvePath(location.path), { create: options.create ?? false });
      return { store, reference: await chooseEntry(store, location), close: nothingOpen };
    }
    case 'oci-archive':
    case 'docker-archive':
    case 'docker-daemon':
      throw failure(
        'UNSUPPORTED',
        'open',
        formatLocation(location),
        `the transport "${location.transport}:" is not built yet`,
        { hint: 'docker://, oci: and local: are' },
      );
  }
}

/** The name or digest of the image of a layout that a location means: without either, the only one that it has. */
async function chooseEntry(store: LayoutStore, location: LayoutLocation): Promise<string> {
  const { name, digest, position } = location;
  const written = digest ?? name;
  if (written !== undefined) return written;
  const entries = await store.entries();
  const chosen = position === undefined ? entries : entries.slice(position, position + 1);
  const [first, ...others] = new Set(chosen.map((entry) => entry.digest));
  if (first !== undefined && others.length === 0) return first;
  const names = entries.flatMap((entry) => entry.annotations?.['org.opencontainers.image.ref.name'] ?? []);
  const what =
    entries.length === 0
      ? 'it has no image'
      : position === undefined
        ? `it has ${entries.length} images`
        : `it has no image at position ${position}`;
  throw failure(
    entries.length === 0 ? 'NOT_FOUND' : 'USAGE',
    'choose an image of',
    formatLocation(location),
    what,
    {
      hint:
        names.length === 0
          ? undefined
          : `name one: ${location.transport}:${location.path}:${names[0]} (there is ${names.join(', ')})`,
    },
  );
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

/** The user's own content-addressed OCI layout, shared by all commands. NOT_FOUND when there is none and `create` is not asked for. */
export async function openLocalStore(options: OpenStoreOptions = {}): Promise<LayoutStore> {
  const { LayoutStore } = await import('../content/layout/layout-store.ts');
  const directory = localStoreDirectory(options.env);
  try {
    return await LayoutStore.open(directory, { create: options.create ?? false });
  } catch (error) {
    if (options.create || !isFailure(error, 'NOT_FOUND')) throw error;
    throw failure('NOT_FOUND', 'open', 'local:', 'there is no local store yet', {
      hint: 'polyarch build -t NAME . puts an image there',
      cause: error,
    });
  }
}

export function localStoreDirectory(env?: NodeJS.ProcessEnv): string {
  return join(dataDirectory(env), 'store');
}

/** The name that a reference has in the local store: in full with its tag, or its digest alone. */
export function localName(reference: Reference): string {
  return reference.digest ?? formatReference(withDefaultTag(reference));
}
