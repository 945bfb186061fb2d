import { resolve as resolvePath } from 'node:path';
import type { ArchiveWriter } from '../content/archives/archive-writer.ts';
import type { IoOptions, Store } from '../content/store.ts';
import type { Digest } from '../lib/digest.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatLocation, type Location } from '../oci/location.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client/registry-client.ts';
import { localName, localSibling, openLocalStore } from './stores.ts';

/** Where copies go. Nothing of it need be seen by others before `commit`. */
export interface OpenedTarget {
  readonly store: Store;
  /** What the store resolves and tags for each location; undefined for an image without a name, and for a digest alone. */
  readonly names: readonly (string | undefined)[];
  /** What locations say that the image's digest is. */
  readonly digests: readonly Digest[];
  /** How a tag of the same repository is called in the store; undefined where images stand alone (an engine's archive). */
  readonly sibling?: ((tag: string) => string) | undefined;
  /** Lists the image under every name. */
  publish(descriptor: Descriptor, options?: IoOptions): Promise<void>;
  commit(options?: IoOptions): Promise<void>;
  /** Throws away what was not committed, where that can be. */
  close(): Promise<void>;
}

export interface OpenTargetOptions {
  readonly client: RegistryClient;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Nothing is made: what does not exist is taken for empty. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Whose image manifest.json lists, for engines that know no index. */
  readonly platform: Platform;
}

/** Equal for locations that one store can take together: tags of one repository, names in one archive. */
export function targetKey(location: Location): string {
  switch (location.transport) {
    case 'docker':
      return `docker://${location.reference.registry}/${location.reference.repository}`;
    case 'local':
    case 'docker-daemon':
      return location.transport;
    default:
      return `${location.transport}:${location.path === '-' ? '-' : resolvePath(location.path)}`;
  }
}

/** Opens the store of locations that have one key, to write. */
export async function openTarget(
  locations: readonly [Location, ...Location[]],
  options: OpenTargetOptions,
): Promise<OpenedTarget> {
  const [first] = locations;
  if (options.dryRun && first.transport !== 'docker') return await dryTarget(locations, options);
  switch (first.transport) {
    case 'docker': {
      const { registry, repository } = first.reference;
      const references = referencesOf(locations);
      const names = references.map((reference) => withDefaultTag(reference).tag);
      const store = options.client.repository(registry, repository);
      return {
        ...(await inPlace(store, names, references)),
        sibling: (tag) => tag,
      };
    }
    case 'local': {
      const references = referencesOf(locations);
      const names = references.map((reference) => (reference.digest ? undefined : localName(reference)));
      const store = await openLocalStore({ create: true, env: options.env });
      return {
        ...(await inPlace(store, names, references)),
        sibling: (tag) => localSibling(first.reference, tag),
      };
    }
    case 'oci': {
      const { LayoutStore } = await import('../content/layout/layout-store.ts');
      const names = layoutNames(locations);
      const store = await LayoutStore.open(resolvePath(first.path), { create: true });
      const tagged = await inPlace(store, names, []);
      const publish = async (descriptor: Descriptor, io: IoOptions = {}): Promise<void> => {
        await tagged.publish(descriptor, io);
        if (names.includes(undefined)) await store.list(descriptor, io);
      };
      return { ...tagged, publish, sibling: (tag) => tag };
    }
    case 'dir': {
      const { ImageDirectory } = await import('../content/directory/image-directory.ts');
      const store = await ImageDirectory.open(resolvePath(first.path), { create: true });
      return {
        store,
        names: [undefined],
        digests: [],
        publish: (descriptor, io) => store.replace(descriptor, io),
        commit: async () => {},
        close: () => store.close(),
      };
    }
    case 'oci-archive': {
      const names = layoutNames(locations);
      const writer = await createWriter(resolved(first.path));
      return { ...archiveTarget(writer, names), sibling: (tag) => tag };
    }
    case 'docker-archive': {
      const names = dockerNames(locations);
      return archiveTarget(await createWriter(resolved(first.path), options.platform), names);
    }
    case 'docker-daemon': {
      const { EngineClient } = await import('../content/daemon/engine-client.ts');
      const engine = new EngineClient(options.env);
      const names = dockerNames(locations);
      const writer = await createWriter('-', options.platform);
      const commit = async (io: IoOptions = {}): Promise<void> => {
        await writer.commit({ ...io, send: (archive, size) => engine.load(archive, size, io) });
      };
      return { ...archiveTarget(writer, names), commit };
    }
  }
}

/** What is there already of a directory; archives are always written whole, an engine says nothing of what it has. */
async function dryTarget(
  locations: readonly [Location, ...Location[]],
  options: OpenTargetOptions,
): Promise<OpenedTarget> {
  const [first] = locations;
  const { MemoryStore } = await import('../content/memory-store.ts');
  const empty = { ...(await inPlace(new MemoryStore(), [], [])), sibling: (tag: string) => tag };
  if (first.transport === 'dir') {
    const { ImageDirectory } = await import('../content/directory/image-directory.ts');
    const store = await ImageDirectory.open(resolvePath(first.path)).catch((error: unknown) => {
      if (isFailure(error, 'NOT_FOUND')) return empty.store;
      throw error;
    });
    return { ...empty, store, sibling: undefined };
  }
  if (first.transport !== 'oci' && first.transport !== 'local') return empty;
  const { LayoutStore } = await import('../content/layout/layout-store.ts');
  try {
    const store =
      'path' in first
        ? await LayoutStore.open(resolvePath(first.path), { create: false })
        : await openLocalStore({ env: options.env });
    const names =
      first.transport === 'local' ? referencesOf(locations).map(localName) : layoutNames(locations);
    return { ...empty, store, names };
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return empty;
    throw error;
  }
}

const resolved = (path: string): string => (path === '-' ? path : resolvePath(path));

function referencesOf(locations: readonly Location[]): Reference[] {
  return locations.flatMap((location) =>
    'reference' in location && location.reference ? [location.reference] : [],
  );
}

function layoutNames(locations: readonly Location[]): (string | undefined)[] {
  return locations.map((location) => {
    if (location.transport !== 'oci' && location.transport !== 'oci-archive') return undefined;
    if (location.digest !== undefined || location.position !== undefined) {
      const what = 'a position or a digest chooses an image that is there, it names none';
      throw failure('USAGE', 'write', formatLocation(location), what, {
        hint: `${location.transport}:${location.path}:NAME`,
      });
    }
    return location.name;
  });
}

function dockerNames(locations: readonly Location[]): (string | undefined)[] {
  return locations.map((location) => {
    const refuse = (what: string) => failure('USAGE', 'write', formatLocation(location), what);
    if (location.transport === 'docker-daemon') {
      const { image } = location;
      if (typeof image === 'string' || image.digest !== undefined)
        throw refuse('an engine names images by tags');
      return formatReference(withDefaultTag(image));
    }
    if (location.transport !== 'docker-archive') return undefined;
    if (location.position !== undefined)
      throw refuse('a position chooses an image that is there, it names none');
    return location.reference && formatReference(withDefaultTag(location.reference));
  });
}

/** A store that keeps what it is given at once. */
async function inPlace(
  store: Store,
  names: readonly (string | undefined)[],
  references: readonly Reference[],
): Promise<OpenedTarget> {
  return {
    store,
    names,
    digests: references.flatMap(({ digest }) => digest ?? []),
    async publish(descriptor, io) {
      for (const name of names) if (name !== undefined) await store.tag(descriptor, name, io);
    },
    commit: async () => {},
    close: async () => {},
  };
}

async function createWriter(path: string, engine?: Platform): Promise<ArchiveWriter> {
  const [{ ArchiveWriter }, { dockerLoadShape }] = await Promise.all([
    import('../content/archives/archive-writer.ts'),
    import('../content/archives/docker-load.ts'),
  ]);
  return await ArchiveWriter.create(path, engine === undefined ? {} : dockerLoadShape(engine));
}

function archiveTarget(writer: ArchiveWriter, names: readonly (string | undefined)[]): OpenedTarget {
  return {
    store: writer,
    names,
    digests: [],
    async publish(descriptor) {
      for (const name of names) {
        if (name === undefined) await writer.list(descriptor);
        else await writer.tag(descriptor, name);
      }
    },
    async commit(io = {}) {
      await writer.commit({
        ...io,
        send: async (archive) => {
          const { pipeline } = await import('node:stream/promises');
          await pipeline(archive, process.stdout, { end: false, ...(io.signal && { signal: io.signal }) });
        },
      });
    },
    close: () => writer.discard(),
  };
}
