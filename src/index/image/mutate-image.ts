import { failure } from '../../lib/errors.ts';
import type { ContainerConfig, History, ImageConfig } from '../../oci/manifest.ts';
import { isManifestType, mediaTypes } from '../../oci/media-types.ts';
import type { Platform } from '../../oci/platform.ts';
import type { ImageDocuments } from './image-documents.ts';

/** What becomes of an image; what is not named stays as it is. */
export interface ImageChanges {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly removeLabels?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly removeEnv?: readonly string[] | undefined;
  /** In place of the image's; a CMD that is not named too goes with it, as in Dockerfiles. An empty list: none. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  readonly stopSignal?: string | undefined;
  /** `80`, `53/udp`: besides those that there are. */
  readonly exposedPorts?: readonly string[] | undefined;
  readonly volumes?: readonly string[] | undefined;
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly removeAnnotations?: readonly string[] | undefined;
  /** RFC 3339: when the image was made. Nothing in its history is later than this. */
  readonly created?: string | undefined;
  readonly author?: string | undefined;
  readonly platform?: Platform | undefined;
}

/** The image with the changes: another config and so another manifest, over the same layers. USAGE. */
export function mutateImage(image: ImageDocuments, changes: ImageChanges): ImageDocuments {
  const { manifest, config } = image;
  return {
    manifest: withAnnotations(manifest, changes),
    config: {
      ...withPlatform(config, changes.platform),
      ...withTimes(config, changes.created),
      ...(changes.author === undefined ? {} : { author: changes.author }),
      config: mutateContainer(config.config ?? {}, changes),
    },
  };
}

function mutateContainer(config: ContainerConfig, changes: ImageChanges): ContainerConfig {
  const { user, workingDirectory, stopSignal, entrypoint, cmd } = changes;
  const labels = mergeRecord(config.Labels ?? undefined, changes.labels, changes.removeLabels);
  const env = mutateEnv(config.Env ?? undefined, changes.env ?? {}, changes.removeEnv ?? []);
  const changed: Record<string, unknown> = { ...config };
  const set = (name: keyof ContainerConfig, value: unknown): void => {
    if (value === undefined) delete changed[name];
    else changed[name] = value;
  };
  if (changes.labels !== undefined || changes.removeLabels !== undefined) set('Labels', labels);
  if (changes.env !== undefined || changes.removeEnv !== undefined) set('Env', env);
  if (entrypoint !== undefined) {
    set('Entrypoint', entrypoint.length === 0 ? undefined : entrypoint);
    set('Cmd', undefined);
  }
  if (cmd !== undefined) set('Cmd', cmd.length === 0 ? undefined : cmd);
  if (user !== undefined) set('User', user === '' ? undefined : user);
  if (workingDirectory !== undefined)
    set('WorkingDir', workingDirectory === '' ? undefined : workingDirectory);
  if (stopSignal !== undefined) set('StopSignal', stopSignal === '' ? undefined : stopSignal);
  if (changes.exposedPorts !== undefined) {
    set('ExposedPorts', { ...config.ExposedPorts, ...emptySet(changes.exposedPorts.map(portWithProtocol)) });
  }
  if (changes.volumes !== undefined) set('Volumes', { ...config.Volumes, ...emptySet(changes.volumes) });
  return changed as ContainerConfig;
}

function emptySet(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function portWithProtocol(port: string): string {
  if (/^\d{1,5}(?:-\d{1,5})?(?:\/(?:tcp|udp|sctp))?$/.test(port))
    return port.includes('/') ? port : `${port}/tcp`;
  throw failure('USAGE', 'expose', port, 'not of the form PORT[/tcp|udp|sctp]', {
    hint: '--exposed-ports 80/tcp',
  });
}

function mergeRecord(
  before: Readonly<Record<string, string>> | undefined,
  set: Readonly<Record<string, string>> = {},
  remove: readonly string[] = [],
): Record<string, string> | undefined {
  const gone = new Set(remove);
  const entries = Object.entries({ ...before, ...set }).filter(([key]) => !gone.has(key));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Variables keep their places; new ones come last. */
function mutateEnv(
  before: readonly string[] = [],
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): string[] | undefined {
  const nameOf = (line: string): string => line.split('=', 1)[0] ?? '';
  const left = new Map(Object.entries(set));
  const lines = before.flatMap((line) => {
    const name = nameOf(line);
    const value = left.get(name);
    if (left.delete(name)) return [`${name}=${value}`];
    return remove.includes(name) ? [] : [line];
  });
  const all = [...lines, ...[...left].map(([name, value]) => `${name}=${value}`)];
  return all.length === 0 ? undefined : all;
}

function withAnnotations(
  manifest: ImageDocuments['manifest'],
  { annotations, removeAnnotations }: ImageChanges,
): ImageDocuments['manifest'] {
  if (annotations === undefined && removeAnnotations === undefined) return manifest;
  const { annotations: before, ...rest } = manifest;
  const merged = mergeRecord(before, annotations, removeAnnotations);
  if (merged === undefined) return rest;
  if (manifest.mediaType === mediaTypes.dockerManifest && isManifestType(manifest.mediaType)) {
    throw failure(
      'USAGE',
      'annotate',
      manifest.config.digest,
      'a Docker manifest has no place for annotations',
      {
        hint: 'labels are in its config: --label KEY=VALUE',
      },
    );
  }
  return { ...rest, annotations: merged };
}

function withPlatform(config: ImageConfig, platform: Platform | undefined): ImageConfig {
  if (platform === undefined) return config;
  const { variant: _variant, 'os.version': ownVersion, 'os.features': ownFeatures, ...rest } = config;
  const { os, architecture, variant } = platform;
  // Another system has other versions and features.
  const same = os === config.os;
  const version = platform['os.version'] ?? (same ? ownVersion : undefined);
  const features = platform['os.features'] ?? (same ? ownFeatures : undefined);
  return {
    ...rest,
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': features }),
  };
}

function withTimes(config: ImageConfig, created: string | undefined): Partial<ImageConfig> {
  if (created === undefined) return {};
  const latest = Date.parse(created);
  if (Number.isNaN(latest)) {
    throw failure('USAGE', 'set the time', created, 'not an RFC 3339 time', { hint: '2026-01-31T00:00:00Z' });
  }
  const clamp = (entry: History): History =>
    entry.created !== undefined && !(Date.parse(entry.created) <= latest) ? { ...entry, created } : entry;
  return {
    created,
    ...(Array.isArray(config.history) ? { history: (config.history as readonly History[]).map(clamp) } : {}),
  };
}
