import { readDocument } from '../../content/read-manifest.ts';
import { maxIndexDepth } from '../../content/select-manifest.ts';
import { canMount, canResolveDocument, type IoOptions, type Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, isFailure, PolyarchError } from '../../lib/errors.ts';
import type { KeyedTurns } from '../../lib/keyed-turns.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isIndexType } from '../../oci/media-types.ts';
import type { CopyEvent, CopyGraphOptions } from '../../transfer/copy-graph.ts';
import type { Rewritten } from '../../transfer/rewrite/rewritten.ts';
import type { OpenedTarget } from '../open-target.ts';
import type { OpenedStore } from '../opened-store.ts';
import { type Changes, changesNothing } from './changes.ts';

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
  const [found, there] = await Promise.all([
    resolveSource(source, options),
    namedDigests(target, { signal }),
  ]);
  const changes = changesFor(source, target, options.changes ?? {});
  if (!source.incomplete && changesNothing(changes)) {
    return await bring(source, target, { source: source.store, root: found }, { ...options, found, there });
  }
  const { rewriteImage } = await import('./rewrite-image.ts');
  await using rewritten = await rewriteImage(source, found, changes, { signal });
  const outcome = await bring(source, target, rewritten.image, { ...options, found, there });
  return { ...outcome, notes: [...rewritten.notes, ...outcome.notes] };
}

/** The index is read for its referrers in any case: then one request gives both. Without them a HEAD may be all that there is to it. */
async function resolveSource(source: OpenedStore, options: CopyBetweenOptions): Promise<Descriptor> {
  const { store, reference } = source;
  const { signal } = options;
  if (options.referrers === false || source.sibling === undefined || !canResolveDocument(store))
    return await store.resolve(reference, { signal });
  return (await store.resolveDocument(reference, { signal })).descriptor;
}

/** What has no digest to keep travels to a registry compressed, as with docker push. */
function changesFor(source: OpenedStore, target: OpenedTarget, changes: Changes): Changes {
  const plain = source.withoutManifests && canMount(target.store);
  return plain && changes.compression === undefined ? { ...changes, compression: 'gzip' } : changes;
}

interface Bring extends CopyBetweenOptions {
  readonly found: Descriptor;
  /** What the target's names point at. */
  readonly there: readonly (Digest | undefined)[];
}

/** The image, then what refers to it, then its names. */
async function bring(
  source: OpenedStore,
  target: OpenedTarget,
  image: Rewritten,
  options: Bring,
): Promise<CopyOutcome> {
  const { signal, found, there } = options;
  const { root, left } = image;
  for (const digest of target.digests) {
    if (digest !== root.digest)
      throw failure('USAGE', 'copy to', digest, `the image's digest is ${root.digest}`);
  }
  const unchanged = there.length > 0 && there.every((digest) => digest === root.digest);
  const graph: Omit<CopyGraphOptions, 'tag'> = {
    signal,
    left,
    dryRun: options.dryRun,
    turns: options.turns,
    mountFrom: mountSources(source.store, target.store, options),
    onEvent: options.onEvent,
  };
  if (!unchanged) {
    const { copyGraphs } = await import('../../transfer/copy-graph.ts');
    await copyGraphs(image.source, target.store, [root], graph).catch((error: unknown) => {
      throw left && isFailure(error, 'REGISTRY') ? withSparseHint(error) : error;
    });
  }
  const referrers = options.referrers === false ? none : await bringReferrers(source, target, image, graph);
  if (!unchanged && !options.dryRun) await target.publish(root, { signal });
  return { source: found, root, unchanged, referrers: referrers.count, notes: referrers.notes };
}

const none = { count: 0, notes: [] as readonly string[] };

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

/** A rewritten image's manifests that kept their digests keep what refers to them. */
async function bringReferrers(
  source: OpenedStore,
  target: OpenedTarget,
  { source: store, root, left }: Rewritten,
  graph: Omit<CopyGraphOptions, 'tag'>,
): Promise<typeof none> {
  if (source.sibling === undefined) return none;
  if (target.sibling === undefined) {
    return {
      count: 0,
      notes: ['signatures and other referrers stay behind: the destination has no place for them'],
    };
  }
  const { copyReferrers } = await import('../../transfer/copy-referrers.ts');
  const subjects = (await documentsOf(store, root, graph)).filter((digest) => !left?.has(digest));
  const from = { store: source.store, nameOf: source.sibling, referrers: source.referrers };
  const to = { store: target.store, nameOf: target.sibling };
  const found = await copyReferrers(from, to, subjects, { ...graph, left: undefined });
  return { count: found.length, notes: [] };
}

/** Every index and manifest below a root, itself first, each read once. Manifests are not read. */
async function documentsOf(store: Store, root: Descriptor, io: IoOptions): Promise<Digest[]> {
  const found = new Set<Digest>();
  const look = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (found.has(descriptor.digest)) return;
    found.add(descriptor.digest);
    if (!isIndexType(descriptor.mediaType) || depth > maxIndexDepth) return;
    const document = await readDocument(store, descriptor, { signal: io.signal });
    if (document.kind === 'index')
      await Promise.all(document.index.manifests.map((entry) => look(entry, depth + 1)));
  };
  await look(root, 0);
  return [...found];
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
