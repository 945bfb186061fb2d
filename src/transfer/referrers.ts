import { readIndex, resolveIfThere } from '../content/read-manifest.ts';
import { canListReferrers, canListTags, type IoOptions, type Store } from '../content/store.ts';
import type { Digest } from '../lib/digest.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { cosignKinds, cosignTag, referrersTag } from '../oci/referrers-tag.ts';

/** How many referrers one content may have. */
const maxReferrers = 1000;

/** What is kept beside a content and is about it: a signature, an SBOM, provenance. */
export interface Referrer {
  /** As the referrers list has it, with `artifactType` and annotations; what the tag points at for cosign's scheme. */
  readonly descriptor: Descriptor;
  /** The tag that it is found by (cosign's scheme). Absent for what names the content as its `subject`. */
  readonly tag?: string;
}

/**
 * Finds what refers to contents of one store, by every way in use: the referrers API (with its fallback tag), and cosign's tags. Tags are
 * listed once however many contents are asked for.
 */
export class Referrers {
  readonly #store: Store;
  readonly #nameOf: (tag: string) => string;
  #tags: Promise<ReadonlySet<string> | undefined> | undefined;

  /** `nameOf`: what the store calls a tag. Default: the tag itself, as registries and layouts do. */
  constructor(store: Store, options: { nameOf?: ((tag: string) => string) | undefined } = {}) {
    this.#store = store;
    this.#nameOf = options.nameOf ?? ((tag) => tag);
  }

  /** Each once, in the store's order. LIMIT when there are more than `maxReferrers`. */
  async of(digest: Digest, options: IoOptions = {}): Promise<Referrer[]> {
    const [listed, tagged] = await Promise.all([
      this.#listed(digest, options),
      this.#tagged(digest, options),
    ]);
    return [...listed, ...tagged];
  }

  async #listed(digest: Digest, options: IoOptions): Promise<Referrer[]> {
    const found = new Map<Digest, Referrer>();
    const add = (descriptor: Descriptor): void => {
      if (found.size >= maxReferrers) {
        throw failure('LIMIT', 'list referrers of', digest, `more than ${maxReferrers}`);
      }
      if (descriptor.digest !== digest) found.set(descriptor.digest, { descriptor });
    };
    if (canListReferrers(this.#store)) {
      for await (const descriptor of this.#store.listReferrers(digest, options)) add(descriptor);
    } else {
      const index = await resolveIfThere(this.#store, this.#nameOf(referrersTag(digest)), options);
      if (index?.mediaType === mediaTypes.ociIndex && index.digest !== digest) {
        for (const descriptor of (await readIndex(this.#store, index, options)).manifests) add(descriptor);
      }
    }
    return [...found.values()];
  }

  async #tagged(digest: Digest, options: IoOptions): Promise<Referrer[]> {
    this.#tags ??= listAll(this.#store, options);
    const tags = await this.#tags;
    const candidates = cosignKinds
      .map((kind) => cosignTag(digest, kind))
      .filter((tag) => tags === undefined || tags.has(this.#nameOf(tag)));
    const found = await Promise.all(
      candidates.map(async (tag) => {
        const descriptor = await resolveIfThere(this.#store, this.#nameOf(tag), options);
        return descriptor === undefined || descriptor.digest === digest ? [] : [{ descriptor, tag }];
      }),
    );
    return found.flat();
  }
}

/** Undefined where tags cannot be listed: then each has to be asked for. */
async function listAll(store: Store, options: IoOptions): Promise<ReadonlySet<string> | undefined> {
  if (!canListTags(store)) return undefined;
  const tags = new Set<string>();
  try {
    for await (const tag of store.listTags(options)) tags.add(tag);
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND', 'UNAUTHORIZED', 'UNSUPPORTED', 'REGISTRY')) throw error;
    return undefined;
  }
  return tags;
}
