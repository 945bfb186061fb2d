import { parseAnnotation } from '../../index/annotation.ts';
import { renderIndex } from '../../index/index-draft.ts';
import { type ChosenSource, type IndexType, planCreate } from '../../index/plan-create.ts';
import { expectReference, publishIndex } from '../../index/publish-index.ts';
import { checkRequirements } from '../../index/requirements.ts';
import { targetsOf } from '../../index/update-index.ts';
import { isDigest } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import { type IndexOptions, parseExpected, parseRequirements } from './index-options.ts';
import { IndexStores, type NamedStore } from './index-stores.ts';
import { parseSources } from './parse-source.ts';
import { readSources } from './read-sources.ts';
import { type WrittenIndex, writtenIndex } from './written-index.ts';

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
    const sources = parseSources(this.#options);
    const names = [this.#options.target, ...(this.#options.tags ?? [])];
    const targets = await this.#stores.targets(names, { dryRun });
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
      await publishIndex(document, plan.children, targetsOf(targets), { signal, onEvent, expect });
    }
    return writtenIndex(targets, plan, [...read.warnings, ...plan.warnings]);
  }
}

/** A subject may be missing in the target: the distribution-spec lets referrers come first. But its size and type must be known. */
async function readSubject(
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
