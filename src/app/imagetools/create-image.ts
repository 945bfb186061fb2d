import { isDescriptor, isObject, parseDocument } from '../../content/document.ts';
import { resolveDocument } from '../../content/read-manifest.ts';
import type { ResolvedDocument, Store } from '../../content/store.ts';
import { parseAnnotation } from '../../index/annotation.ts';
import { draftOf, renderIndex } from '../../index/index-draft.ts';
import { type ChosenSource, type PlanHints, planCreate, planWarnings } from '../../index/plan-create.ts';
import { publishIndex } from '../../index/publish-index.ts';
import { readSource } from '../../index/read-source.ts';
import { targetsOf } from '../../index/update-index.ts';
import { type Digest, isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Location, parseLocation } from '../../oci/location.ts';
import { normalizePlatform } from '../../oci/platform.ts';
import { parsePlatformList } from '../../oci/platform-list.ts';
import { formatReference } from '../../oci/reference.ts';
import type { IndexOptions } from '../index/index-options.ts';
import { IndexStores, type NamedStore } from '../index/index-stores.ts';

export interface CreateImageOptions extends IndexOptions {
  /** References, digests, or descriptors as JSON. */
  readonly sources: readonly string[];
  readonly tags: readonly string[];
  readonly annotations?: readonly string[];
  /** Add to what the first tag is now; what is new for a platform takes the place of what was there. */
  readonly append?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Default true: a single image gets an index. */
  readonly preferIndex?: boolean | undefined;
  readonly platforms?: readonly string[];
}

export interface CreatedImage {
  readonly document: ResolvedDocument;
  readonly repositories: readonly string[];
  readonly warnings: readonly string[];
}

const planHints: PlanHints = {
  duplicate: 'leave one of them out; with --append the new one takes the place of what --tag has',
  dockerList: 'polyarch index create --type oci makes an OCI index of Docker’s images',
};

/** `docker buildx imagetools create`: the same sources give the same bytes as buildx. */
export async function createImage(options: CreateImageOptions): Promise<CreatedImage> {
  const { signal, onEvent, tags, dryRun } = options;
  if (options.sources.length === 0) throw failure('USAGE', 'create', tags[0] ?? '', 'no sources are named');
  const [firstTag] = tags;
  if (firstTag === undefined && !dryRun) {
    throw failure('USAGE', 'create', options.sources[0] ?? '', 'nothing says where to push', {
      hint: '--tag REFERENCE, or --dry-run',
    });
  }
  const texts = options.append && firstTag !== undefined ? [firstTag, ...options.sources] : options.sources;
  const parsed = texts.map(parseImageSource);
  const stores = new IndexStores(options);
  try {
    const targets = await stores.targets(tags, { dryRun });
    const repository = defaultRepository(parsed, targets);
    const sources = await Promise.all(parsed.map((source) => readOne(stores, source, repository, options)));
    const [only] = sources;
    const platforms = parsePlatformList(options.platforms ?? []);
    const annotations = (options.annotations ?? []).map(markedAnnotation).flatMap(parseAnnotation);
    const alone = sources.length === 1 && annotations.length === 0 && platforms.length === 0;
    const carbon = alone && (only?.isIndex || options.preferIndex === false);
    const plan = planCreate(firstTag ?? 'index', sources, {
      only: platforms,
      annotations,
      replace: options.append,
      order: 'as-given',
      hints: planHints,
    });
    const document = carbon && only !== undefined ? await rootOf(only, options) : renderIndex(plan.draft);
    const children = carbon && only !== undefined ? carbonChildren(only) : plan.children;
    if (!dryRun) await publishIndex(document, children, targetsOf(targets), { signal, onEvent });
    return {
      document,
      repositories: [...new Set(targets.map(({ location }) => repositoryName(location)))].sort(),
      warnings: carbon ? carbonWarnings(document) : plan.warnings,
    };
  } finally {
    await stores.close();
  }
}

/** buildx has no default target: an annotation without one would be the manifests', which it does not do either. */
function markedAnnotation(text: string): string {
  if (/^(?:index|manifest-descriptor)[[:,]/.test(text)) return text;
  throw failure('UNSUPPORTED', 'annotate', text, 'imagetools annotates indexes and descriptors only', {
    hint: `index:${text} or manifest-descriptor:${text}`,
  });
}

interface ImageSource {
  readonly text: string;
  readonly location?: Location;
  /** What the user says of it: fields that are there take the place of the registry's. */
  readonly descriptor?: { readonly digest: Digest } & Partial<Descriptor>;
}

/** A digest, a reference, or a descriptor as JSON. USAGE. */
export function parseImageSource(text: string): ImageSource {
  const trimmed = text.trim();
  if (isDigest(trimmed)) return { text: trimmed, descriptor: { digest: trimmed } };
  if (!trimmed.startsWith('{')) return { text: trimmed, location: parseLocation(trimmed) };
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch (error) {
    throw failure('USAGE', 'read source', trimmed.slice(0, 100), 'not JSON', { cause: error });
  }
  if (isObject(value) && value.schemaVersion !== undefined) {
    throw failure(
      'USAGE',
      'read source',
      trimmed.slice(0, 100),
      'it is a manifest or an index, not a descriptor',
    );
  }
  const filled = isObject(value) ? { mediaType: 'unknown', size: 0, ...value } : value;
  if (!isDescriptor(filled)) {
    throw failure('USAGE', 'read source', trimmed.slice(0, 100), 'no descriptor with a digest');
  }
  return { text: filled.digest, descriptor: value as { digest: Digest } };
}

/** Where a digest alone is looked for: the one repository that everything else is in. */
function defaultRepository(
  sources: readonly ImageSource[],
  targets: readonly NamedStore[],
): Location | undefined {
  const locations = [
    ...targets.map((target) => target.location),
    ...sources.flatMap(({ location }) => location ?? []),
  ];
  const names = new Set(locations.map(repositoryName));
  return names.size === 1 ? locations[0] : undefined;
}

function repositoryName(location: Location): string {
  if (location.transport !== 'docker') return location.transport;
  const { registry, repository } = location.reference;
  return `${registry}/${repository}`;
}

async function readOne(
  stores: IndexStores,
  source: ImageSource,
  repository: Location | undefined,
  { signal }: IndexOptions,
): Promise<ChosenSource> {
  const { descriptor, text } = source;
  const location = source.location ?? inRepository(repository, descriptor?.digest, text);
  const { name, store, reference } = await stores.source(location);
  const read = await readSource({ name, store, reference }, { signal });
  // buildx writes the config's platform in normal form; what an index says stays as it is.
  const entries = read.isIndex ? read.entries : read.entries.map(normalEntry);
  return {
    ...read,
    entries: descriptor === undefined ? entries : entries.map((entry) => mergeEntry(entry, descriptor)),
  };
}

function inRepository(repository: Location | undefined, digest: Digest | undefined, text: string): Location {
  if (repository?.transport === 'docker' && digest !== undefined) {
    const { registry, repository: path } = repository.reference;
    return parseLocation(formatReference({ registry, repository: path, digest }));
  }
  throw failure('USAGE', 'find', text, 'nothing says in which repository the digest is', {
    hint: `REPOSITORY@${text}`,
  });
}

function normalEntry(entry: Descriptor): Descriptor {
  return entry.platform === undefined ? entry : { ...entry, platform: normalizePlatform(entry.platform) };
}

/** buildx, mergeDesc: annotations take the place of the others as a whole, so that they can be taken away; a platform field by field. */
function mergeEntry(entry: Descriptor, said: Partial<Descriptor>): Descriptor {
  const { mediaType, annotations, platform, size } = said;
  if (size !== undefined && size !== 0 && size !== entry.size) {
    throw failure(
      'USAGE',
      'use',
      entry.digest,
      `the descriptor says ${size} bytes, the registry ${entry.size}`,
    );
  }
  return {
    ...entry,
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform: { ...entry.platform, ...platform } }),
  };
}

async function rootOf({ store, root }: ChosenSource, { signal }: IndexOptions): Promise<ResolvedDocument> {
  return await resolveDocument(store, root.digest, { signal });
}

/** A copy needs all that the original lists. */
function carbonChildren(
  source: ChosenSource,
): { descriptor: Descriptor; source: string; store: Store; read: boolean }[] {
  const listed = source.isIndex ? source.entries : [source.root];
  return listed.map((descriptor) => ({
    descriptor,
    source: source.name,
    store: source.store,
    read: !source.isIndex,
  }));
}

function carbonWarnings({ descriptor, bytes }: ResolvedDocument): string[] {
  const document = parseDocument(bytes, descriptor.digest);
  return document.kind === 'index' ? planWarnings(draftOf(document.index, descriptor.mediaType)) : [];
}
