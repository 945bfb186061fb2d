import { readImageConfig, readManifest } from '../../content/read-manifest.ts';
import { selectManifest } from '../../content/select-manifest.ts';
import { canListTags, type IoOptions } from '../../content/store.ts';
import { formatLocation, type Location } from '../../oci/location.ts';
import type { Platform } from '../../oci/platform.ts';
import { formatRepository } from '../../oci/reference.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';

/** What `skopeo inspect` prints, by its own names (skopeo-inspect.1.md). */
export interface SkopeoInspected {
  readonly Name?: string;
  /** Of the index, where the name stands for one. */
  readonly Digest: string;
  readonly RepoTags: readonly string[];
  readonly Created: string | null;
  readonly DockerVersion: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Os: string;
  readonly Layers: readonly string[];
  readonly LayersData: readonly {
    readonly MIMEType: string;
    readonly Digest: string;
    readonly Size: number;
    readonly Annotations: Readonly<Record<string, string>> | null;
  }[];
  readonly Env: readonly string[] | null;
}

export interface SkopeoInspectOptions extends IoOptions {
  readonly platform: Platform;
  /** List the repository's tags too. */
  readonly tags: boolean;
  readonly registry?: RegistrySettings | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** One platform's image, and the tags that lie beside it. */
export async function skopeoInspect(
  location: Location,
  options: SkopeoInspectOptions,
): Promise<SkopeoInspected> {
  const client = await createRegistryClient(options);
  try {
    const { store, reference, close } = await openStore(location, {
      client,
      env: options.env,
      signal: options.signal,
    });
    try {
      const root = await store.resolve(reference, options);
      const image = await selectManifest(store, root, options.platform, options);
      const { config, layers } = await readManifest(store, image, options);
      const described = await readImageConfig(store, config, options);
      const tags: string[] = [];
      if (options.tags && location.transport === 'docker' && canListTags(store)) {
        for await (const tag of store.listTags(options)) tags.push(tag);
      }
      const { created = null, architecture, os, variant } = described;
      const version = (described as { docker_version?: unknown }).docker_version;
      return {
        ...(location.transport === 'docker'
          ? { Name: formatRepository(location.reference) }
          : { Name: formatLocation(location) }),
        Digest: root.digest,
        RepoTags: tags,
        Created: created,
        DockerVersion: typeof version === 'string' ? version : '',
        Labels: described.config?.Labels ?? null,
        Architecture: architecture,
        ...(variant === undefined ? {} : { Variant: variant }),
        Os: os,
        Layers: layers.map(({ digest }) => digest),
        LayersData: layers.map(({ mediaType, digest, size, annotations }) => ({
          MIMEType: mediaType,
          Digest: digest,
          Size: size,
          Annotations: annotations ?? null,
        })),
        Env: described.config?.Env ?? null,
      };
    } finally {
      await close();
    }
  } finally {
    client.close();
  }
}
