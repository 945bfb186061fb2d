import { parseDocument } from '../../content/document.ts';
import { resolveDocument } from '../../content/read-manifest.ts';
import { checkEntryCount, isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../../content/store.ts';
import { imagesFirst } from '../../index/attestations.ts';
import { planWarnings } from '../../index/plan-create.ts';
import { isKnownPlatform } from '../../index/platform-spelling.ts';
import { publishIndex } from '../../index/publish-index.ts';
import { readSource } from '../../index/read-source.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../oci/reference.ts';
import type { IndexOptions } from '../index/index-options.ts';
import { IndexStores } from '../index/index-stores.ts';
import { ManifestState, type StoredManifest, storedManifest } from './manifest-state.ts';
import { listOfFirst } from './render-list.ts';

const readAtOnce = 8;

/** What `docker manifest` says when a list is there already. */
const refuseAmend = 'refusing to amend an existing manifest list with no --amend flag';

/**
 * `docker manifest create`: remembers the manifests of a list. Unlike docker it asks the registry again for a manifest that it knows, so that a tag
 * that moved is not pushed as it was; what was annotated stays as long as the manifest is the same. An index as a source is flattened.
 */
export async function createManifestList(
  list: string,
  manifests: readonly string[],
  options: IndexOptions & { amend?: boolean | undefined } = {},
): Promise<string> {
  const state = new ManifestState(options.env);
  const target = normalized(list);
  if ((await state.list(target)) !== undefined && !options.amend) {
    throw failure('USAGE', 'create', formatReference(target), refuseAmend, {
      hint: `polyarch shim docker-manifest create --amend ${list} …, or rm ${list} first`,
    });
  }
  const stores = new IndexStores(options);
  try {
    const read = await Promise.all(manifests.map((name) => readManifests(stores, normalized(name), options)));
    for (const { reference, stored } of read.flat()) {
      const before = await state.get(target, reference);
      const same = before?.Descriptor.digest === stored.Descriptor.digest;
      await state.save(target, reference, same ? before : stored);
    }
    return formatReference(target);
  } finally {
    await stores.close();
  }
}

interface ReadManifest {
  readonly reference: Reference;
  readonly stored: StoredManifest;
}

/** One image keeps its name, so that `annotate` finds it; what comes along, and the images of a larger index, go by their digests. */
async function readManifests(
  stores: IndexStores,
  reference: Reference,
  { signal }: IndexOptions,
): Promise<ReadManifest[]> {
  const place = await stores.source({ transport: 'docker', reference });
  const { entries } = await readSource({ ...place, name: formatReference(reference) }, { signal });
  const images = entries.filter((entry) => !isAttestation(entry));
  const pool = new Pool(readAtOnce);
  const readOne = async (entry: Descriptor): Promise<ReadManifest> => {
    const { bytes } = await resolveDocument(place.store, entry.digest, { signal });
    const named = images.length === 1 && entry === images[0] ? reference : byDigest(reference, entry.digest);
    return { reference: named, stored: storedManifest(formatReference(named), entry, bytes) };
  };
  return await Promise.all(entries.map((entry) => pool.run(() => readOne(entry))));
}

function byDigest({ registry, repository }: Reference, digest: Digest): Reference {
  return { registry, repository, digest };
}

/** As docker reads names: `latest` where neither tag nor digest is written. */
function normalized(text: string): Reference {
  return withDefaultTag(parseReference(text));
}

export interface ManifestAnnotation {
  readonly os?: string | undefined;
  readonly arch?: string | undefined;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  /** Added to those that there are. */
  readonly osFeatures?: readonly string[] | undefined;
}

/** `docker manifest annotate`. Any platform is taken; a warning comes back for one that nothing runs on. */
export async function annotateManifest(
  list: string,
  manifest: string,
  change: ManifestAnnotation,
  options: { env?: NodeJS.ProcessEnv | undefined } = {},
): Promise<string[]> {
  const state = new ManifestState(options.env);
  const [target, reference] = [normalized(list), normalized(manifest)];
  const stored = await state.get(target, reference);
  if (stored === undefined) {
    throw failure('NOT_FOUND', 'annotate', manifest, `the list ${list} has no such manifest`, {
      hint: `polyarch shim docker-manifest create --amend ${list} ${manifest}`,
    });
  }
  const before: Partial<Platform> = stored.Descriptor.platform ?? {};
  const features = [...new Set([...(before['os.features'] ?? []), ...(change.osFeatures ?? [])])];
  const platform = {
    ...before,
    ...(change.os ? { os: change.os } : {}),
    ...(change.arch ? { architecture: change.arch } : {}),
    ...(change.variant ? { variant: change.variant } : {}),
    ...(change.osVersion ? { 'os.version': change.osVersion } : {}),
    ...(features.length === 0 ? {} : { 'os.features': features }),
  };
  if (!platform.os || !platform.architecture) {
    throw failure('USAGE', 'annotate', manifest, 'a platform has an os and an architecture', {
      hint: '--os linux --arch arm64',
    });
  }
  const full = platform as Platform;
  await state.save(target, reference, { ...stored, Descriptor: { ...stored.Descriptor, platform: full } });
  return isKnownPlatform(full) ? [] : [`nothing is known to run on ${formatPlatform(full)}`];
}

export interface PushedList {
  readonly digest: Digest;
  /** Manifests that the list's repository did not have. */
  readonly pushed: readonly string[];
  readonly warnings: readonly string[];
}

/** `docker manifest push`: the manifests by digest, with what they need; the list last. Sources may be in any registry. */
export async function pushManifestList(
  list: string,
  options: IndexOptions & { purge?: boolean | undefined } = {},
): Promise<PushedList> {
  const state = new ManifestState(options.env);
  const target = normalized(list);
  const manifests = await state.list(target);
  if (manifests === undefined || manifests.length === 0) throw noSuchManifest(target, list);
  const entries = imagesFirst(manifests.map((stored) => stored.Descriptor));
  const document = listOfFirst(entries);
  const stores = new IndexStores(options);
  try {
    const place = await stores.target(formatReference(target));
    const children = await Promise.all(
      manifests.map(async ({ Ref, Descriptor: descriptor }) => {
        const source = await stores.source({ transport: 'docker', reference: parseReference(Ref) });
        return { descriptor, source: Ref, store: source.store, read: false };
      }),
    );
    const { signal, onEvent } = options;
    const targets = [{ name: place.name, store: place.store, references: [place.reference] }];
    await publishIndex(document, children, targets, { signal, onEvent });
    if (options.purge) await state.remove(target);
    const foreign = children.filter(({ store }) => store !== place.store);
    return {
      digest: document.descriptor.digest,
      pushed: foreign.map(({ descriptor }) => formatReference(byDigest(target, descriptor.digest))),
      warnings: planWarnings({ mediaType: document.descriptor.mediaType, entries }),
    };
  } finally {
    await stores.close();
  }
}

function noSuchManifest(target: Reference, list: string) {
  return failure('NOT_FOUND', 'read', formatReference(target), 'no such manifest list', {
    hint: `polyarch shim docker-manifest create ${list} MANIFEST… makes it`,
  });
}

/** `docker manifest rm`: of the local state only. NOT_FOUND for a list that is not there; the others are removed all the same. */
export async function removeManifestLists(
  lists: readonly string[],
  options: { env?: NodeJS.ProcessEnv | undefined } = {},
): Promise<void> {
  const state = new ManifestState(options.env);
  let missing: Error | undefined;
  for (const list of lists) {
    const target = normalized(list);
    if ((await state.list(target)) === undefined) missing ??= noSuchManifest(target, list);
    else await state.remove(target);
  }
  if (missing !== undefined) throw missing;
}

/** What `docker manifest inspect` shows: one manifest, or the manifests of a list. */
export type InspectedManifestList =
  | { readonly kind: 'manifest'; readonly bytes: Buffer; readonly stored: StoredManifest }
  | { readonly kind: 'list'; readonly bytes: Buffer; readonly stored: readonly StoredManifest[] };

/** A manifest of a local list where two names are given; else the local list of that name, else what the registry has. */
export async function inspectManifest(
  names: readonly [string] | readonly [list: string, manifest: string],
  options: IndexOptions & { verbose?: boolean | undefined } = {},
): Promise<InspectedManifestList> {
  const state = new ManifestState(options.env);
  const [first, second] = names;
  if (second !== undefined) {
    const stored = await state.get(normalized(first), normalized(second));
    if (stored === undefined) throw noSuchManifest(normalized(second), first);
    return { kind: 'manifest', bytes: Buffer.from(stored.Raw, 'base64'), stored };
  }
  const reference = normalized(first);
  const local = await state.list(reference);
  if (local !== undefined) {
    return { kind: 'list', bytes: listOfFirst(local.map((one) => one.Descriptor)).bytes, stored: local };
  }
  const stores = new IndexStores(options);
  try {
    const { store, reference: identifier } = await stores.source({ transport: 'docker', reference });
    const root = await resolveDocument(store, identifier, { signal: options.signal });
    return await describeRemote(store, reference, root, options);
  } finally {
    await stores.close();
  }
}

async function describeRemote(
  store: Store,
  reference: Reference,
  root: ResolvedDocument,
  options: IoOptions & { verbose?: boolean | undefined },
): Promise<InspectedManifestList> {
  const document = parseDocument(root.bytes, formatReference(reference));
  if (document.kind === 'index') {
    const { manifests } = document.index;
    const bytes = listOfFirst(manifests).bytes;
    if (!options.verbose) return { kind: 'list', bytes, stored: [] };
    checkEntryCount(formatReference(reference), manifests.length);
    const pool = new Pool(readAtOnce);
    const readOne = async (entry: Descriptor): Promise<StoredManifest> => {
      const child = await resolveDocument(store, entry.digest, { signal: options.signal });
      // docker keeps the tag that the list was read by.
      return storedManifest(formatReference({ ...reference, digest: entry.digest }), entry, child.bytes);
    };
    const stored = await Promise.all(manifests.map((entry) => pool.run(() => readOne(entry))));
    return { kind: 'list', bytes, stored };
  }
  const descriptor = options.verbose ? await withPlatform(store, root, options) : root.descriptor;
  const stored = storedManifest(formatReference(reference), descriptor, root.bytes);
  return { kind: 'manifest', bytes: root.bytes, stored };
}

/** A manifest alone says its platform in its config. */
async function withPlatform(
  store: Store,
  root: ResolvedDocument,
  { signal }: IoOptions,
): Promise<Descriptor> {
  const source = await readSource(
    { name: root.descriptor.digest, store, reference: root.descriptor.digest },
    { signal },
  );
  return source.entries[0] ?? root.descriptor;
}
