import { createHash } from 'node:crypto';
import type { EntryHeader } from '../../src/archive/entry.ts';
import { LayerTree } from '../../src/archive/layer-tree.ts';
import { MergedView } from '../../src/archive/merged-view.ts';
import { readLayer } from '../../src/archive/read-layer.ts';
import type { Toc } from '../../src/archive/toc.ts';
import { readDocument, readImageConfig } from '../../src/content/read-manifest.ts';
import type { Store } from '../../src/content/store.ts';
import type { Digest } from '../../src/lib/digest.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { ContainerConfig, Manifest } from '../../src/oci/manifest.ts';
import { formatPlatform } from '../../src/oci/platform.ts';

/** What a golden holds of an image of one platform: all that a Dockerfile decides, nothing that time or compression does. */
export interface ImageFacts {
  readonly platform: string;
  readonly author?: string;
  readonly config: ContainerConfig;
  /** created_by, less `# buildkit`; `+` in front of those that add a layer. The base's are left out. */
  readonly history: readonly string[];
  /**
   * What differs from the base's tree, in byte order: `path type mode uid:gid`, then a file's size and the first half of its SHA-256, a link's target,
   * `{name=hex}` of extended attributes; `path gone` for what was removed.
   */
  readonly tree: readonly string[];
}

interface ReadLayer {
  readonly toc: Toc;
  readonly contents: ReadonlyMap<string, string>;
}

/** Reads the images behind a manifest or index. `base` knows the base's layers by diffID and its history's length. */
export async function imageFacts(
  store: Store,
  root: Descriptor,
  base: { readonly diffIds: readonly Digest[]; readonly history: number },
): Promise<ImageFacts[]> {
  const document = await readDocument(store, root);
  if (document.kind === 'manifest') return [await factsOf(store, document.manifest, base)];
  const facts: ImageFacts[] = [];
  for (const entry of document.index.manifests) {
    if (entry.platform?.os === 'unknown') continue;
    facts.push(...(await imageFacts(store, entry, base)));
  }
  return facts;
}

async function factsOf(
  store: Store,
  manifest: Manifest,
  base: Parameters<typeof imageFacts>[2],
): Promise<ImageFacts> {
  const config = await readImageConfig(store, manifest.config);
  const layers: ReadLayer[] = [];
  const lower: ReadLayer[] = [];
  for (const [index, descriptor] of manifest.layers.entries()) {
    const layer = await readOne(store, descriptor);
    layers.push(layer);
    if (base.diffIds.includes(config.rootfs.diff_ids[index] as Digest) && lower.length === index)
      lower.push(layer);
  }
  const history = config.history ?? [];
  const { Env = [], ...rest } = config.config ?? {};
  return {
    platform: formatPlatform(config),
    ...(config.author === undefined ? {} : { author: config.author }),
    config: { ...(Env.length === 0 ? {} : { Env }), ...sorted(rest) },
    history: history
      .slice(lower.length === 0 ? 0 : base.history)
      .map(
        (entry) => `${entry.empty_layer ? '' : '+ '}${(entry.created_by ?? '').replace(/ # buildkit$/, '')}`,
      ),
    tree: difference(lower, layers),
  };
}

function sorted<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}

async function readOne(store: Store, descriptor: Descriptor): Promise<ReadLayer> {
  const tree = new LayerTree();
  const contents = new Map<string, string>();
  let path: string | undefined;
  let hash = createHash('sha256');
  await readLayer(await store.fetch(descriptor), {
    entry: (header) => {
      const change = tree.apply(header);
      path = change.kind === 'put' && header.type === 'file' ? change.path : undefined;
      hash = createHash('sha256');
    },
    data: (bytes) => void hash.update(bytes),
    end: () => {
      if (path !== undefined) contents.set(path, hash.digest('hex').slice(0, 32));
    },
  });
  return { toc: tree.toc(), contents };
}

function difference(lower: readonly ReadLayer[], all: readonly ReadLayer[]): string[] {
  const before = linesOf(lower);
  const after = linesOf(all);
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const line = after.get(path);
    if (line === before.get(path)) return [];
    return [line ?? `${path} gone`];
  });
}

/** A line for each path. Of the names of one file the first in byte order is the file, whichever the layer has it under. */
function linesOf(layers: readonly ReadLayer[]): Map<string, string> {
  const view = new MergedView(layers.map(({ toc }) => toc));
  const paths: string[] = [];
  const visit = (directory: string) => {
    for (const name of view.readdir(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      paths.push(path);
      visit(path);
    }
  };
  visit('');
  const first = new Map<string, string>();
  const fileOf = (path: string) => {
    const entry = view.lookup(path);
    return entry?.type === 'hardlink' ? (entry.linkname ?? path) : path;
  };
  for (const path of paths) if (!first.has(fileOf(path))) first.set(fileOf(path), path);
  const lines = new Map<string, string>();
  for (const path of paths) {
    const file = fileOf(path);
    const entry = view.lookup(file);
    if (entry === undefined) continue;
    const shown = first.get(file);
    if (shown === path) lines.set(path, `${displayed(path)} ${describe(file, entry, layers)}`);
    else lines.set(path, `${displayed(path)} hardlink = ${displayed(shown ?? '')}`);
  }
  return lines;
}

function displayed(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}

function describe(path: string, entry: EntryHeader, layers: readonly ReadLayer[]): string {
  const { type, mode, uid, gid, size, linkname, xattrs, devMajor, devMinor } = entry;
  const parts = [type, mode.toString(8), `${uid}:${gid}`];
  if (type === 'file') {
    const layer = layers.findLast(({ toc }) => toc.entries.some((known) => known.path === path));
    parts.push(String(size), size === 0 ? '' : (layer?.contents.get(path) ?? '').slice(0, 16));
  }
  if (type === 'symlink') parts.push(`-> ${displayed(linkname ?? '')}`);
  if (type === 'char' || type === 'block') parts.push(`${devMajor},${devMinor}`);
  for (const [name, value] of [...(xattrs ?? [])].sort()) parts.push(`{${name}=${value.toString('hex')}}`);
  return parts.filter((part) => part !== '').join(' ');
}
