import { parseDocument } from '../../content/document.ts';
import { readBytes } from '../../content/read-manifest.ts';
import { isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { ImageConfig } from '../../oci/manifest.ts';
import { formatPlatform, isKnownPlatform, normalizePlatform } from '../../oci/platform.ts';
import { readImageLayers } from '../image-layers.ts';
import { type ConfigChange, diffConfig } from './diff-config.ts';
import { diffFiles, type FileChange } from './diff-files.ts';
import { LayerTocs, readImageTree } from './image-tree.ts';
import { type InspectOptions, imageOf, type Root, withRoot } from './open-root.ts';

/** One side of a comparison. */
export interface DiffSide {
  readonly reference: string;
  /** Of the manifest. */
  readonly digest: Digest;
  readonly platform: string;
}

/** A layer that only one side has. */
export interface LayerChange {
  readonly change: 'added' | 'removed';
  readonly diffId: Digest;
  readonly digest: Digest;
  /** Bytes as stored, compressed. */
  readonly size: number;
}

export interface ImageDiff {
  readonly before: DiffSide;
  readonly after: DiffSide;
  /** Platforms that only one of two indexes has; empty when both have the same, or one is no index. */
  readonly platforms: readonly { readonly change: 'added' | 'removed'; readonly platform: string }[];
  readonly config: readonly ConfigChange[];
  readonly layers: { readonly shared: number; readonly changes: readonly LayerChange[] };
  readonly files: readonly FileChange[];
}

/**
 * Compares two images: what a container starts with, layers by their diffIDs, and every file of the merged trees, by content. `other` is a
 * reference, or a platform of the same one. An index stands for one platform: that of the options, else this machine's.
 */
export async function diffImages(
  text: string,
  other: string,
  options: InspectOptions = {},
): Promise<ImageDiff> {
  const isPlatform = isKnownPlatform(other);
  const second = isPlatform ? { ...options, platform: other } : options;
  return await withRoot(text, options, (before) =>
    withRoot(isPlatform ? text : other, second, (after) => diffRoots(before, after, options)),
  );
}

/** The same of what is open already. */
export async function diffRoots(before: Root, after: Root, options: IoOptions = {}): Promise<ImageDiff> {
  const [a, b] = await Promise.all([readSide(before, options), readSide(after, options)]);
  const tocs = new LayerTocs({ signal: options.signal, contents: true });
  const [treeA, treeB] = await Promise.all([
    readImageTree(a.root.store, a.layers, tocs),
    readImageTree(b.root.store, b.layers, tocs),
  ]);
  return {
    before: a.shown,
    after: b.shown,
    platforms: diffPlatforms(a.platforms, b.platforms),
    config: diffConfig(a.config, b.config),
    layers: diffLayers(a.layers, b.layers),
    files: [...diffFiles({ tree: treeA, tocs }, { tree: treeB, tocs })],
  };
}

interface SideRead {
  readonly root: Root;
  readonly shown: DiffSide;
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
  /** Undefined for what is no index. */
  readonly platforms: readonly string[] | undefined;
}

async function readSide(named: Root, options: IoOptions): Promise<SideRead> {
  const platforms = await platformsOf(named, options);
  const root = await imageOf(named, options);
  const { config, layers } = await readImageLayers(root.store, root.descriptor, options);
  const { reference, descriptor } = root;
  const shown = { reference, digest: descriptor.digest, platform: formatPlatform(config) };
  return { root, shown, config, layers, platforms };
}

async function platformsOf({ store, descriptor }: Root, options: IoOptions): Promise<string[] | undefined> {
  const document = parseDocument(await readBytes(store, descriptor, options), descriptor.digest);
  if (document.kind !== 'index') return undefined;
  return document.index.manifests
    .filter((entry) => !isAttestation(entry))
    .flatMap(({ platform }) => (platform ? [formatPlatform(normalizePlatform(platform))] : []));
}

function diffPlatforms(
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): ImageDiff['platforms'] {
  if (before === undefined || after === undefined) return [];
  return [
    ...before
      .filter((platform) => !after.includes(platform))
      .map((platform) => ({ change: 'removed', platform }) as const),
    ...after
      .filter((platform) => !before.includes(platform))
      .map((platform) => ({ change: 'added', platform }) as const),
  ];
}

function diffLayers(before: readonly Layer[], after: readonly Layer[]): ImageDiff['layers'] {
  const ids = (layers: readonly Layer[]) => new Set(layers.map((layer) => layer.diffId));
  const [a, b] = [ids(before), ids(after)];
  const describe =
    (change: 'added' | 'removed') =>
    ({ diffId, descriptor }: Layer): LayerChange => ({
      change,
      diffId,
      digest: descriptor.digest,
      size: descriptor.size,
    });
  return {
    shared: before.filter((layer) => b.has(layer.diffId)).length,
    changes: [
      ...before.filter((layer) => !b.has(layer.diffId)).map(describe('removed')),
      ...after.filter((layer) => !a.has(layer.diffId)).map(describe('added')),
    ],
  };
}
