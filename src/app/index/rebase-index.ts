import { selectManifest } from '../../content/select-manifest.ts';
import type { IoOptions } from '../../content/store.ts';
import { annotatedBase, baseDigest, baseName } from '../../index/image/base-annotations.ts';
import { type ImageDocuments, readImage } from '../../index/image/image-documents.ts';
import { rebaseImage } from '../../index/image/rebase-image.ts';
import type { PlannedChild } from '../../index/plan-create.ts';
import { rewriteIndex } from '../../index/rewrite-index.ts';
import { failure } from '../../lib/errors.ts';
import { Memo } from '../../lib/memo.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import type { Platform } from '../../oci/platform.ts';
import { parsePlatformList } from '../../oci/platform-list.ts';
import { type ChangeIndexOptions, changeIndex } from './change-index.ts';
import type { IndexStores, NamedStore } from './index-stores.ts';
import type { WrittenIndex } from './written-index.ts';

export interface RebaseIndexOptions extends ChangeIndexOptions {
  /** Default: what the image's annotations say that it was built on. */
  readonly oldBase?: string | undefined;
  /** Default: the name in the image's annotations, as it is now. */
  readonly newBase?: string | undefined;
  readonly platforms?: readonly string[];
  /** Default true: see `RebaseOptions`. */
  readonly inherit?: boolean | undefined;
}

/**
 * Swaps the base layers under every platform of an index, without a build. What was attested of the old images does not hold for the new ones:
 * attestations are left out, and a warning says so.
 */
export async function rebaseIndex(options: RebaseIndexOptions): Promise<WrittenIndex> {
  const { target, signal } = options;
  const platforms = parsePlatformList(options.platforms ?? []);
  return await changeIndex(options, async (draft, { index, stores }) => {
    const bases = new Bases(stores, { signal });
    const children: PlannedChild[] = [];
    const rewritten = await rewriteIndex(
      target,
      index.store,
      draft,
      async (image, entry) => {
        const platform = entry.platform ?? image.config;
        const names = baseNames(target, image, options);
        const oldBase = await bases.image(names.old, platform);
        const newBase = await bases.image(names.next, platform);
        children.push(...newBase.layers());
        const annotations = { [baseName]: newBase.name, [baseDigest]: newBase.root.digest };
        return rebaseImage(image, oldBase.documents, newBase.documents, {
          name: target,
          inherit: options.inherit,
          annotations,
        });
      },
      { signal, platforms: platforms.length === 0 ? undefined : platforms, attestations: 'drop' },
    );
    const dropped = draft.entries.length - rewritten.draft.entries.length;
    const warnings =
      dropped > 0
        ? [`${dropped} attestations are about images that were built on the old base: left out`]
        : [];
    return { ...rewritten, children, warnings };
  });
}

/** What the user says, else OCI image-spec's annotations.md. USAGE when neither does. */
function baseNames(target: string, { manifest }: ImageDocuments, options: RebaseIndexOptions) {
  const { annotations } = manifest;
  const next = options.newBase ?? annotations?.[baseName];
  const old = options.oldBase ?? annotatedBase(annotations, options.newBase);
  if (next === undefined || old === undefined) {
    const missing = old === undefined ? 'old' : 'new';
    throw failure('USAGE', 'rebase', target, `nothing says what its ${missing} base is`, {
      hint: `--${missing}-base REFERENCE; images have no annotation ${old === undefined ? baseDigest : baseName}`,
    });
  }
  return { old, next };
}

interface BaseImage {
  readonly name: string;
  readonly root: Descriptor;
  readonly documents: ImageDocuments;
  layers(): PlannedChild[];
}

/** Base images, each resolved once for all platforms. */
class Bases {
  readonly #stores: IndexStores;
  readonly #options: IoOptions;
  readonly #roots = new Memo<{ place: NamedStore; root: Descriptor }>();

  constructor(stores: IndexStores, options: IoOptions) {
    this.#stores = stores;
    this.#options = options;
  }

  async image(reference: string, platform: Platform): Promise<BaseImage> {
    const { place, root } = await this.#roots.of(reference, async () => {
      const opened = await this.#stores.source(parseLocation(reference));
      return { place: opened, root: await opened.store.resolve(opened.reference, this.#options) };
    });
    const { store, name } = place;
    const selected = await selectManifest(store, root, platform, this.#options);
    const documents = await readImage(store, selected, this.#options);
    return {
      name,
      root,
      documents,
      layers: () =>
        documents.manifest.layers.map((descriptor) => ({ descriptor, source: name, store, read: true })),
    };
  }
}
