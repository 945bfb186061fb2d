import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDocument } from '../../content/read-manifest.ts';
import { maxIndexDepth, selectManifest } from '../../content/select-manifest.ts';
import { canMount, type IoOptions, type Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, isFailure, PolyarchError } from '../../lib/errors.ts';
import type { KeyedTurns } from '../../lib/keyed-turns.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { type CopyEvent, copyGraphs } from '../../transfer/copy-graph.ts';
import { copyReferrers } from '../../transfer/copy-referrers.ts';
import { convert } from '../../transfer/rewrite/convert.ts';
import type { ManifestFamily } from '../../transfer/rewrite/docker-types.ts';
import type { LayerCompression } from '../../transfer/rewrite/recompress.ts';
import type { Rewritten } from '../../transfer/rewrite/rewritten.ts';
import { presentPlatforms, selectPlatforms } from '../../transfer/rewrite/select-platforms.ts';
import type { OpenedTarget } from '../open-target.ts';
import type { OpenedStore } from '../opened-store.ts';

/** How an image is changed on its way. Nothing said: not at all, and its digest is the same. */
export interface Changes {
  /** These platforms only. Default: all. */
  readonly platforms?: readonly Platform[] | undefined;
  /** With `platforms`: the index keeps its digest and goes on naming the platforms that stay behind. */
  readonly sparse?: boolean | undefined;
  /** The manifest of one platform in place of the index. Not with `platforms`. */
  readonly only?: Platform | undefined;
  /** The index alone: what it names stays behind. */
  readonly indexOnly?: boolean | undefined;
  readonly type?: ManifestFamily | undefined;
  /** Of layers that have none; with `forceCompression` of every layer. */
  readonly compression?: LayerCompression | undefined;
  readonly forceCompression?: boolean | undefined;
}

export interface CopyBetweenOptions extends IoOptions {
  readonly changes?: Changes | undefined;
  /** Signatures, SBOMs and what else refers to the image. Default true. */
  readonly referrers?: boolean | undefined;
  /** Default false. */
  readonly dryRun?: boolean | undefined;
  /** Other copies to the same registry that run beside this one. */
  readonly turns?: KeyedTurns | undefined;
  /** Repositories of the target's registry that may have a blob. */
  readonly mountFrom?: ((descriptor: Descriptor) => readonly string[]) | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

export interface CopyOutcome {
  /** What the source's name stands for. */
  readonly source: Descriptor;
  /** What the target's names stand for now. */
  readonly root: Descriptor;
  /** Every name pointed there before. Nothing but referrers was looked at. */
  readonly unchanged: boolean;
  readonly referrers: number;
  /** What the user should know: why a digest changed, what stayed behind. */
  readonly notes: readonly string[];
}

/** Copies one image from an opened store to an opened target, and names it there last. Committing is the caller's. */
export async function copyBetween(
  source: OpenedStore,
  target: OpenedTarget,
  options: CopyBetweenOptions = {},
): Promise<CopyOutcome> {
  const { signal } = options;
  // What has no digest to keep travels to a registry compressed, as with docker push.
  const plain = source.withoutManifests && canMount(target.store);
  const changes = { ...(plain ? { compression: 'gzip' as const } : {}), ...options.changes };
  const io = { signal };
  const notes: string[] = [];
  const [found, there] = await Promise.all([
    source.store.resolve(source.reference, io),
    namedDigests(target, io),
  ]);
  await using temporary = new TemporaryLayers();
  const rewritten = await rewrite(source, found, changes, { temporary, notes, io });
  const { root, left } = rewritten;
  for (const digest of target.digests) {
    if (digest !== root.digest)
      throw failure('USAGE', 'copy to', digest, `the image's digest is ${root.digest}`);
  }
  const unchanged = there.length > 0 && there.every((digest) => digest === root.digest);
  const graph = {
    ...io,
    left,
    dryRun: options.dryRun,
    turns: options.turns,
    mountFrom: mountSources(source.store, target.store, options),
    onEvent: options.onEvent,
  };
  if (!unchanged) {
    await copyGraphs(rewritten.source, target.store, [root], graph).catch((error: unknown) => {
      throw left && isFailure(error, 'REGISTRY') ? withSparseHint(error) : error;
    });
  }
  const referrers =
    options.referrers === false ? 0 : await bringReferrers(source, target, rewritten, { graph, notes });
  if (!unchanged && !options.dryRun) await target.publish(root, io);
  return { source: found, root, unchanged, referrers, notes };
}

function withSparseHint(error: PolyarchError): PolyarchError {
  const hint = 'the registry may want every manifest that an index names: leave --sparse away';
  return new PolyarchError(error.code, error.message, { hint, cause: error });
}

/** What the target's names point at; nothing when one of them is new, or when names are no use. */
async function namedDigests(target: OpenedTarget, io: IoOptions): Promise<readonly (Digest | undefined)[]> {
  return await Promise.all(
    target.names.map(async (name) => {
      if (name === undefined) return undefined;
      try {
        return (await target.store.resolve(name, io)).digest;
      } catch (error) {
        if (isFailure(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    }),
  );
}

async function rewrite(
  source: OpenedStore,
  found: Descriptor,
  changes: Changes,
  work: { temporary: TemporaryLayers; notes: string[]; io: IoOptions },
): Promise<Rewritten> {
  const { notes, io } = work;
  let image: Rewritten = { source: source.store, root: found };
  if (source.incomplete) {
    image = await presentPlatforms(source.store, found, io);
    if (image.root.digest !== found.digest)
      notes.push('the source has some platforms only: a new index of those');
  }
  const { platforms, sparse, type, compression, forceCompression } = changes;
  if (changes.only !== undefined) {
    const {
      platform: _platform,
      annotations: _annotations,
      ...root
    } = await selectManifest(image.source, image.root, changes.only, io);
    image = { source: image.source, root };
  }
  if (changes.indexOnly) {
    const document = await readDocument(image.source, image.root, io);
    const below = document.kind === 'index' ? document.index.manifests : [];
    image = { ...image, left: new Set(below.map(({ digest }) => digest)) };
  }
  if (platforms !== undefined && platforms.length > 0) {
    const before = image.root.digest;
    image = await selectPlatforms(image.source, image.root, platforms, { ...io, sparse });
    const names = platforms.map(formatPlatform).join(', ');
    if (image.root.digest !== before) notes.push(`a new index of ${names} alone: its digest is another`);
    else if (image.left)
      notes.push(`the index still names what stays behind: ${image.left.size} of its manifests`);
  }
  if (type === undefined && compression === undefined) return image;
  const before = image.root.digest;
  const layers = await work.temporary.open();
  const converted = await convert(image.source, image.root, {
    ...io,
    type,
    compression,
    force: forceCompression,
    layers,
  });
  if (converted.root.digest === before) return image;
  notes.push(
    'manifests were written anew: their digests are others, and signatures of the old ones do not hold',
  );
  return converted;
}

/** A rewritten image's manifests that kept their digests keep what refers to them. */
async function bringReferrers(
  source: OpenedStore,
  target: OpenedTarget,
  { source: store, root, left }: Rewritten,
  work: { graph: Parameters<typeof copyReferrers>[3]; notes: string[] },
): Promise<number> {
  if (source.sibling === undefined) return 0;
  const subjects = (await documentsOf(store, root, work.graph ?? {})).filter((digest) => !left?.has(digest));
  const from = { store: source.store, nameOf: source.sibling, referrers: source.referrers };
  if (target.sibling === undefined) {
    work.notes.push('signatures and other referrers stay behind: an engine’s archive has no place for them');
    return 0;
  }
  const found = await copyReferrers(from, { store: target.store, nameOf: target.sibling }, subjects, {
    ...work.graph,
    left: undefined,
  });
  return found.length;
}

/** Every index and manifest below a root, itself first. Manifests are not read. */
async function documentsOf(store: Store, root: Descriptor, io: IoOptions, depth = 0): Promise<Digest[]> {
  if (!isIndexType(root.mediaType) || depth > maxIndexDepth) return [root.digest];
  const document = await readDocument(store, root, { signal: io.signal });
  if (document.kind === 'manifest') return [root.digest];
  const below = await Promise.all(
    document.index.manifests.map((entry) => documentsOf(store, entry, io, depth + 1)),
  );
  return [...new Set([root.digest, ...below.flat()])];
}

function mountSources(source: Store, target: Store, options: CopyBetweenOptions) {
  return (descriptor: Descriptor): readonly string[] => {
    const known = options.mountFrom?.(descriptor) ?? [];
    // A rewritten source has no repository of its own, what it is made of has one.
    const own =
      canMount(source) && canMount(target) && source.registry === target.registry ? [source.repository] : [];
    return [...known, ...own];
  };
}

/** A layout for layers that are compressed anew; it is gone when the copy is. */
class TemporaryLayers implements AsyncDisposable {
  #directory: string | undefined;

  async open() {
    const { LayoutStore } = await import('../../content/layout/layout-store.ts');
    this.#directory = await mkdtemp(join(tmpdir(), 'polyarch-layers-'));
    return await LayoutStore.open(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }
}
