import { isAttestation } from '../../content/select-manifest.ts';
import { parseAnnotation } from '../../index/annotation.ts';
import { type IndexDraft, renderIndex } from '../../index/index-draft.ts';
import { type ChosenSource, type IndexPlan, type IndexType, planCreate } from '../../index/plan-create.ts';
import { platformKey, spelledPlatform } from '../../index/platform-spelling.ts';
import { type Expected, expectReference, publishIndex } from '../../index/publish-index.ts';
import { checkRequirements } from '../../index/requirements.ts';
import type { Digest } from '../../lib/digest.ts';
import { isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { CopyEvent } from '../../transfer/copy-graph.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { IndexStores, type NamedStore } from './index-stores.ts';
import { parseSource, type SourceArgument } from './parse-source.ts';
import { readSources } from './read-sources.ts';

export type IndexEvent = CopyEvent | RegistryEvent;

/** What every change of an index can be told. */
export interface IndexOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: IndexEvent) => void) | undefined;
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface CreateIndexOptions extends IndexOptions {
  readonly target: string;
  /** `SOURCE` or `SOURCE@platform=…`. */
  readonly sources: readonly string[];
  /** More names for the same index. */
  readonly tags?: readonly string[];
  /** Platform of the one source, in place of its config's. */
  readonly platform?: string | undefined;
  readonly type?: IndexType | undefined;
  readonly replace?: boolean | undefined;
  /** Default true. */
  readonly attestations?: boolean | undefined;
  /** `[index|manifest-descriptor[platform]:]k=v`. */
  readonly annotations?: readonly string[];
  /** What the index is about: a digest in the target's place, or a reference. */
  readonly subject?: string | undefined;
  readonly artifactType?: string | undefined;
  /** Platforms, each possibly several with commas between them. */
  readonly require?: readonly string[];
  readonly optional?: readonly string[];
  /** Digest, or `none`. */
  readonly expect?: string | undefined;
  /** Plans and pushes nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface WrittenEntry {
  /** As spelled; absent for what is for none. */
  readonly platform?: Platform;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly attestation: boolean;
}

export interface WrittenIndex {
  /** Where it is now, in full; in a dry run where it would be. */
  readonly references: readonly string[];
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly bytes: Buffer;
  readonly entries: readonly WrittenEntry[];
  readonly warnings: readonly string[];
}

/** Assembles an index out of images that are anywhere, and publishes it: children first, names last. */
export async function createIndex(options: CreateIndexOptions): Promise<WrittenIndex> {
  const stores = new IndexStores(options);
  try {
    return await new IndexCreation(stores, options).run();
  } finally {
    await stores.close();
  }
}

class IndexCreation {
  readonly #stores: IndexStores;
  readonly #options: CreateIndexOptions;

  constructor(stores: IndexStores, options: CreateIndexOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  async run(): Promise<WrittenIndex> {
    const { signal, onEvent, dryRun } = this.#options;
    const expect = parseExpected(this.#options.expect);
    const requirements = parseRequirements(this.#options);
    const annotations = (this.#options.annotations ?? []).flatMap(parseAnnotation);
    const sources = chosenSources(this.#options);
    const names = [this.#options.target, ...(this.#options.tags ?? [])];
    const targets = await openTargets(this.#stores, names, { dryRun });
    const [first] = targets;
    if (expect !== undefined && first !== undefined) await expectReference(first, expect, { signal });
    const read = await readSources(this.#stores, sources, { signal, optional: requirements.optional });
    const { type, replace, attestations, artifactType } = this.#options;
    const plan = planCreate(this.#options.target, read.sources, {
      type,
      replace,
      attestations,
      annotations,
      artifactType,
      subject: await readSubject(this.#stores, this.#options, first, read.sources),
    });
    checkRequirements(this.#options.target, plan.draft, requirements);
    const document = renderIndex(plan.draft);
    if (!dryRun) {
      await publishIndex(document, plan.children, groupTargets(targets), { signal, onEvent, expect });
    }
    return writtenIndex(targets, plan, [...read.warnings, ...plan.warnings]);
  }
}

export function writtenIndex(
  targets: readonly NamedStore[],
  { draft }: Pick<IndexPlan, 'draft'>,
  warnings: readonly string[],
): WrittenIndex {
  const { descriptor, bytes } = renderIndex(draft);
  return {
    references: targets.map((target) => target.name),
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    bytes,
    entries: writtenEntries(draft),
    warnings,
  };
}

function writtenEntries(draft: IndexDraft): WrittenEntry[] {
  return draft.entries.map((entry) => ({
    ...(entry.platform === undefined ? {} : { platform: entry.platform }),
    digest: entry.digest,
    mediaType: entry.mediaType,
    attestation: isAttestation(entry),
  }));
}

/** Opens each name once, in order. */
export async function openTargets(
  stores: IndexStores,
  names: readonly string[],
  options: { dryRun?: boolean | undefined } = {},
): Promise<NamedStore[]> {
  const opened: NamedStore[] = [];
  for (const name of names) {
    const target = await stores.target(name, options);
    if (!opened.some((other) => other.name === target.name)) opened.push(target);
  }
  return opened;
}

/** One target a store, with all its names. */
export function groupTargets(targets: readonly NamedStore[]) {
  const groups = new Map<NamedStore['store'], { name: string; references: string[] }>();
  for (const { store, name, reference } of targets) {
    const group = groups.get(store);
    if (group === undefined) groups.set(store, { name, references: [reference] });
    else group.references.push(reference);
  }
  return [...groups].map(([store, group]) => ({ store, ...group }));
}

export function parseExpected(text: string | undefined): Expected | undefined {
  if (text === undefined || text === 'none' || isDigest(text)) return text;
  throw failure('USAGE', 'use --expect-digest', text, 'neither a digest nor "none"', {
    hint: '--expect-digest none: the name must not exist yet',
  });
}

export function platformList(texts: readonly string[] | undefined): Platform[] {
  return (texts ?? [])
    .flatMap((text) => text.split(','))
    .filter((text) => text.trim() !== '')
    .map((text) => parsePlatform(text.trim()));
}

export function parseRequirements(options: Pick<CreateIndexOptions, 'require' | 'optional'>) {
  const [require, optional] = [platformList(options.require), platformList(options.optional)];
  const both = optional.find((one) => require.some((other) => platformKey(one) === platformKey(other)));
  if (both !== undefined) {
    throw failure('USAGE', 'use --optional', platformKey(both), 'it is required at the same time');
  }
  return { require, optional };
}

export function chosenSources({ sources, platform }: CreateIndexOptions): SourceArgument[] {
  const parsed = sources.map(parseSource);
  if (platform === undefined) return parsed;
  const [only] = parsed;
  if (only === undefined || parsed.length > 1) {
    throw failure(
      'USAGE',
      'use --platform',
      platform,
      `it is for one source, and there are ${parsed.length}`,
      {
        hint: `SOURCE@platform=${platform} says it of one of them`,
      },
    );
  }
  return [{ ...only, override: { ...spelledPlatform(platform), ...only.override } }];
}

/** A subject may be missing in the target: the distribution-spec lets referrers come first. But its size and type must be known. */
export async function readSubject(
  stores: IndexStores,
  options: Pick<CreateIndexOptions, 'subject' | 'signal'>,
  target: NamedStore | undefined,
  sources: readonly ChosenSource[],
): Promise<Descriptor | undefined> {
  const { subject, signal } = options;
  if (subject === undefined || target === undefined) return undefined;
  const known = sources.flatMap((source) => [source.root, ...source.entries]);
  const found =
    known.find((entry) => entry.digest === subject) ??
    (isDigest(subject)
      ? await target.store.resolve(subject, { signal })
      : await resolveReference(stores, subject, signal));
  const { mediaType, digest, size } = found;
  return { mediaType, digest, size };
}

async function resolveReference(stores: IndexStores, text: string, signal: AbortSignal | undefined) {
  const { store, reference } = await stores.source(parseLocation(text));
  return await store.resolve(reference, { signal });
}
