import { failure } from '../../lib/errors.ts';
import type { ContainerConfig, History, ImageConfig } from '../../oci/manifest.ts';
import { formatPlatform, platformsEqual } from '../../oci/platform.ts';
import type { ImageDocuments } from './image-documents.ts';
import { layerFor } from './layer-types.ts';

export interface RebaseOptions {
  /** For messages. */
  readonly name: string;
  /**
   * Default true: what the image took from its old base (environment, labels and the rest of its config that are equal to the old base's) it
   * takes from the new one. False: the config stays as it is, as crane does.
   */
  readonly inherit?: boolean | undefined;
  /** Annotations that say what the image stands on now (OCI image-spec, annotations.md). Left out for Docker manifests. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * The image over the new base's layers in place of the old one's; nothing is built. USAGE when the old base does not lie beneath it (compared
 * by what the layers unpack to, so that a recompressed base is known again), or when the platforms differ.
 */
export function rebaseImage(
  image: ImageDocuments,
  oldBase: ImageDocuments,
  newBase: ImageDocuments,
  options: RebaseOptions,
): ImageDocuments {
  const { name } = options;
  const depth = checkBase(image, oldBase, name);
  if (!platformsEqual(image.config, newBase.config)) {
    const what = `the new base is for ${formatPlatform(newBase.config)}, the image for ${formatPlatform(image.config)}`;
    throw failure('USAGE', 'rebase', name, what);
  }
  const { manifest, config } = image;
  const version = newBase.config['os.version'];
  const annotations =
    options.annotations === undefined || manifest.mediaType?.includes('docker')
      ? manifest.annotations
      : { ...manifest.annotations, ...options.annotations };
  const container =
    options.inherit === false
      ? config.config
      : inheritConfig(config.config ?? {}, oldBase.config.config ?? {}, newBase.config.config ?? {});
  return {
    manifest: {
      ...manifest,
      layers: [
        ...newBase.manifest.layers.map((layer) => layerFor(manifest, layer)),
        ...manifest.layers.slice(depth),
      ],
      ...(annotations === undefined ? {} : { annotations }),
    },
    config: {
      ...config,
      ...(version === undefined ? {} : { 'os.version': version }),
      ...(container === undefined ? {} : { config: container }),
      rootfs: {
        ...config.rootfs,
        diff_ids: [...newBase.config.rootfs.diff_ids, ...config.rootfs.diff_ids.slice(depth)],
      },
      history: [
        ...historyOf(newBase.config),
        ...historyAbove(historyOf(config), historyOf(oldBase.config), depth),
      ],
    },
  };
}

/** How many layers the old base is. */
function checkBase(image: ImageDocuments, oldBase: ImageDocuments, name: string): number {
  const [own, base] = [image.config.rootfs.diff_ids, oldBase.config.rootfs.diff_ids];
  const refuse = (what: string) =>
    failure('USAGE', 'rebase', name, `the old base does not lie beneath it: ${what}`, {
      hint: `polyarch inspect ${name} shows its layers`,
    });
  if (own.length !== image.manifest.layers.length) {
    throw refuse(`its config names ${own.length} layers, its manifest ${image.manifest.layers.length}`);
  }
  if (base.length > own.length) throw refuse(`it has ${own.length} layers, the old base ${base.length}`);
  const different = base.findIndex((diffId, position) => own[position] !== diffId);
  if (different !== -1) throw refuse(`layer ${different + 1} is another one`);
  return base.length;
}

function historyOf(config: ImageConfig): readonly History[] {
  return Array.isArray(config.history) ? config.history : [];
}

/** The lines above the base: those behind the base's own; where its lines do not fit, those behind its last layer. */
function historyAbove(own: readonly History[], base: readonly History[], depth: number): readonly History[] {
  const layersIn = (lines: readonly History[]): number => lines.filter((line) => !line.empty_layer).length;
  if (base.length > 0 && base.length <= own.length && layersIn(own.slice(0, base.length)) === depth) {
    return own.slice(base.length);
  }
  let seen = 0;
  return own.filter((line) => {
    const above = seen >= depth;
    if (!line.empty_layer) seen++;
    return above;
  });
}

/** Three-way: a field or entry that is as the old base had it becomes as the new base has it. */
function inheritConfig(own: ContainerConfig, old: ContainerConfig, next: ContainerConfig): ContainerConfig {
  const merged: Record<string, unknown> = { ...own };
  for (const name of [
    'User',
    'WorkingDir',
    'Entrypoint',
    'Cmd',
    'StopSignal',
    'Shell',
    'Healthcheck',
  ] as const) {
    if (!same(own[name], old[name])) continue;
    if (next[name] === undefined) delete merged[name];
    else merged[name] = next[name];
  }
  for (const name of ['Labels', 'ExposedPorts', 'Volumes'] as const) {
    const entries = mergeEntries<unknown>(own[name] ?? {}, old[name] ?? {}, next[name] ?? {});
    if (Object.keys(entries).length > 0) merged[name] = entries;
    else if (own[name] !== undefined) delete merged[name];
  }
  const env = mergeEntries(envOf(own), envOf(old), envOf(next));
  if (own.Env !== undefined || Object.keys(env).length > 0) {
    merged.Env = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  }
  return merged as ContainerConfig;
}

function envOf(config: ContainerConfig): Record<string, string> {
  return Object.fromEntries(
    (config.Env ?? []).map((line) => {
      const equals = line.indexOf('=');
      return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}

function mergeEntries<T>(
  own: Readonly<Record<string, T>>,
  old: Readonly<Record<string, T>>,
  next: Readonly<Record<string, T>>,
): Record<string, T> {
  const changed = Object.entries(own).filter(([key, value]) => !(key in old) || !same(value, old[key]));
  // What the image took away from the old base stays away.
  const inherited = Object.entries(next).filter(([key]) => key in own || !(key in old));
  return { ...Object.fromEntries(inherited), ...Object.fromEntries(changed) };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}
