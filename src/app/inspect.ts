import { parseDocument } from '../content/document.ts';
import { readBytes, readImageConfig } from '../content/read-manifest.ts';
import { isAttestation, selectManifest } from '../content/select-manifest.ts';
import type { IoOptions, Store } from '../content/store.ts';
import type { Digest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatLocation, parseLocation } from '../oci/location.ts';
import type { ContainerConfig, History, Index, Manifest } from '../oci/manifest.ts';
import { formatPlatform, parsePlatform } from '../oci/platform.ts';
import type { RegistryEvent } from '../registry/client/events.ts';
import { createRegistryClient, openStore } from './stores.ts';

export interface InspectOptions extends IoOptions {
  /** Show this platform's manifest instead of the index. PLATFORM_MISSING when there is none. */
  readonly platform?: string | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Sizes are bytes as stored, compressed. */
export interface InspectedPlatform {
  /** `linux/arm64/v8`, as the index spells it; absent when it names none. */
  readonly platform?: string;
  readonly osVersion?: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Config and layers together: what a pull downloads. Absent, as `layers` is, for an entry that is no image manifest. */
  readonly size?: number;
  readonly layers?: number;
  /** SBOM and provenance entries of the index that are about this one. */
  readonly attestations: number;
}

export interface InspectedIndex {
  readonly kind: 'index';
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Of the index itself. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platforms: readonly InspectedPlatform[];
}

export interface InspectedLayer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

export interface InspectedManifest {
  readonly kind: 'manifest';
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Config and layers together: what a pull downloads. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly config: InspectedLayer;
  readonly layers: readonly InspectedLayer[];
  /** Absent when the manifest is an artifact's, not an image's. */
  readonly image?: {
    readonly platform: string;
    readonly created?: string;
    readonly author?: string;
    readonly config: ContainerConfig;
    readonly history: readonly History[];
  };
}

export type Inspected = InspectedIndex | InspectedManifest;

/** What a reference stands for: an index's platforms, or one manifest with its config, layers and history. */
export async function inspect(text: string, options: InspectOptions = {}): Promise<Inspected> {
  return await withRoot(text, options, async (store, root, reference) => {
    const document = parseDocument(await readBytes(store, root, options), reference);
    const common = { reference, mediaType: root.mediaType, digest: root.digest };
    if (document.kind === 'manifest') {
      return { kind: 'manifest', ...common, ...(await describeManifest(store, document.manifest, options)) };
    }
    const { annotations } = document.index;
    return {
      kind: 'index',
      ...common,
      size: root.size,
      ...(annotations === undefined ? {} : { annotations }),
      platforms: await describePlatforms(store, document.index, options),
    };
  });
}

/** The exact bytes of the index or manifest, whose digest is the reference's. */
export async function inspectRaw(text: string, options: InspectOptions = {}): Promise<Buffer> {
  return await withRoot(text, options, (store, root) => readBytes(store, root, options));
}

async function withRoot<T>(
  text: string,
  options: InspectOptions,
  read: (store: Store, root: Descriptor, reference: string) => Promise<T>,
): Promise<T> {
  const location = parseLocation(text);
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const client = location.transport === 'docker' ? await createRegistryClient(options) : undefined;
  try {
    const opened = await openStore(location, { client, env: options.env });
    try {
      const root = await opened.store.resolve(opened.reference, options);
      const shown = platform ? await selectManifest(opened.store, root, platform, options) : root;
      return await read(opened.store, shown, formatLocation(location));
    } finally {
      await opened.close();
    }
  } finally {
    client?.close();
  }
}

/** Manifests that an index lists are read side by side; more than this are an attack or a mistake. */
const maxEntries = 1000;
const readAtOnce = 8;

async function describePlatforms(
  store: Store,
  index: Index,
  options: IoOptions,
): Promise<InspectedPlatform[]> {
  if (index.manifests.length > maxEntries) {
    const what = `its index lists ${index.manifests.length} manifests, more than ${maxEntries}`;
    throw failure('LIMIT', 'inspect', 'index', what);
  }
  const attested = index.manifests.filter(isAttestation);
  const about = (digest: Digest) =>
    attested.filter((entry) => entry.annotations?.['vnd.docker.reference.digest'] === digest).length;
  const pool = new Pool(readAtOnce);
  const images = index.manifests.filter((entry) => !isAttestation(entry));
  return await Promise.all(
    images.map((entry) =>
      pool.run(async () => ({
        ...(await describeEntry(store, entry, options)),
        attestations: about(entry.digest),
      })),
    ),
  );
}

async function describeEntry(
  store: Store,
  entry: Descriptor,
  options: IoOptions,
): Promise<Omit<InspectedPlatform, 'attestations'>> {
  const { platform, digest, mediaType } = entry;
  const version = platform?.['os.version'];
  const named = {
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    ...(version === undefined ? {} : { osVersion: version }),
    digest,
    mediaType,
  };
  const document = parseDocument(await readBytes(store, entry, options), digest);
  if (document.kind === 'index') return named;
  const { manifest } = document;
  return { ...named, size: transferSize(manifest), layers: manifest.layers.length };
}

function transferSize(manifest: Manifest): number {
  return manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size);
}

async function describeManifest(
  store: Store,
  manifest: Manifest,
  options: IoOptions,
): Promise<Omit<InspectedManifest, 'kind' | 'reference' | 'mediaType' | 'digest'>> {
  const { config, layers, artifactType, annotations } = manifest;
  const brief = ({ digest, mediaType, size }: Descriptor): InspectedLayer => ({ digest, mediaType, size });
  const isImage =
    artifactType === undefined && /\.(?:image\.config|container\.image)\.v1\+json$/.test(config.mediaType);
  return {
    size: transferSize(manifest),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    config: brief(config),
    layers: layers.map(brief),
    ...(isImage ? { image: await describeImage(store, config, options) } : {}),
  };
}

async function describeImage(
  store: Store,
  config: Descriptor,
  options: IoOptions,
): Promise<NonNullable<InspectedManifest['image']>> {
  const image = await readImageConfig(store, config, options);
  const { created, author } = image;
  return {
    platform: formatPlatform(image),
    ...(typeof created === 'string' ? { created } : {}),
    ...(typeof author === 'string' ? { author } : {}),
    config: image.config ?? {},
    history: Array.isArray(image.history) ? image.history : [],
  };
}
