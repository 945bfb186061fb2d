import type { ArchiveStore } from '../content/archives/archive-store.ts';
import { openDockerArchive, openOciArchive } from '../content/archives/open-archive.ts';
import { containerdName } from '../content/layout/layout-index.ts';
import type { IoOptions } from '../content/store.ts';
import type { DockerArchiveLocation, DockerDaemonLocation, LayoutLocation } from '../oci/location.ts';
import { formatReference, withDefaultTag } from '../oci/reference.ts';
import { chooseEntry } from './choose-entry.ts';
import type { OpenedStore } from './opened-store.ts';

export type ArchiveLocation = LayoutLocation | DockerArchiveLocation | DockerDaemonLocation;

/** Opens what is read as one tar: archives, and an engine's image, which comes as one. */
export async function openArchive(
  location: ArchiveLocation,
  options: IoOptions & { env?: NodeJS.ProcessEnv | undefined } = {},
): Promise<OpenedStore<ArchiveStore>> {
  const store = await openFile(location, options);
  try {
    const sibling =
      location.transport === 'oci-archive'
        ? { sibling: (tag: string) => tag }
        : { incomplete: true, withoutManifests: store.isMade };
    return { store, reference: await referenceIn(store, location), ...sibling, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openFile(
  location: ArchiveLocation,
  options: IoOptions & { env?: NodeJS.ProcessEnv | undefined },
): Promise<ArchiveStore> {
  if (location.transport === 'docker-archive') return await openDockerArchive(location.path, options);
  if (location.transport !== 'docker-daemon') return await openOciArchive(location.path, options);
  const [{ EngineClient }, { TarFile }] = await Promise.all([
    import('../content/daemon/engine-client.ts'),
    import('../content/archives/tar-file.ts'),
  ]);
  const engine = new EngineClient(options.env);
  const name = engineName(location);
  const tar = await engine.save(name, options);
  return await openDockerArchive(await TarFile.fromStream(tar, name, options), options);
}

async function referenceIn(store: ArchiveStore, location: ArchiveLocation): Promise<string> {
  const entries = await store.entries();
  // Positions count images, as manifest.json does, not their names.
  const images = entries.filter(
    ({ digest }, at) => entries.findIndex((other) => other.digest === digest) === at,
  );
  switch (location.transport) {
    case 'docker-archive': {
      const { reference } = location;
      return reference === undefined
        ? chooseEntry(images.map(withPlainName), location)
        : formatReference(withDefaultTag(reference));
    }
    case 'docker-daemon':
      // One image was asked for: one came.
      return chooseEntry(images.map(withPlainName), { ...location, position: 0 });
    default:
      return chooseEntry(entries, location);
  }
}

/** The name that messages show is the one in full. */
function withPlainName<T extends { annotations?: Readonly<Record<string, string>> }>(entry: T): T {
  const name = entry.annotations?.[containerdName];
  if (name === undefined) return entry;
  return { ...entry, annotations: { ...entry.annotations, 'org.opencontainers.image.ref.name': name } };
}

/** As `docker save` takes it. */
function engineName({ image }: DockerDaemonLocation): string {
  return typeof image === 'string' ? image : formatReference(withDefaultTag(image));
}
