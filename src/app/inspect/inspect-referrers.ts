import { parseDocument } from '../../content/document.ts';
import { readBytes } from '../../content/read-manifest.ts';
import { isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { referenceDigest } from '../../oci/attestation.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { type Referrer, Referrers } from '../../transfer/referrers.ts';
import { type InspectOptions, withRoot } from './open-root.ts';

/** How deep referrers of referrers are followed: a signature of an SBOM of an image is 2. */
const maxDepth = 8;
/** Nodes of one tree, whatever a registry says. */
const maxNodes = 5000;

/** A content and what refers to it. */
export interface ReferrerNode {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** How it is bound to the node above. */
  readonly via: 'root' | 'index' | 'in-index attestation' | 'referrer' | 'cosign tag';
  /** Of a manifest in an index. */
  readonly platform?: string;
  readonly artifactType?: string;
  /** The tag of cosign's scheme. */
  readonly tag?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly referrers: readonly ReferrerNode[];
}

export interface ReferrerTree {
  readonly reference: string;
  readonly root: ReferrerNode;
}

/**
 * What is kept beside an image, as a tree: each platform of an index, its in-index attestations, and whatever names one of them as its
 * subject or by cosign's tags, down to what refers to those.
 */
export async function inspectReferrers(text: string, options: InspectOptions = {}): Promise<ReferrerTree> {
  return await withRoot(text, options, async ({ store, descriptor, reference }) => {
    const tree = new TreeReader(store, options);
    return { reference, root: await tree.node(descriptor, { via: 'root' }, new Set(), 0) };
  });
}

class TreeReader {
  readonly #store: Store;
  readonly #options: IoOptions;
  readonly #referrers: Referrers;
  #nodes = 0;

  constructor(store: Store, options: IoOptions) {
    this.#store = store;
    this.#options = options;
    this.#referrers = new Referrers(store);
  }

  /** `above` has the digests on the way here: whatever refers to itself ends there. */
  async node(
    descriptor: Descriptor,
    bond: Pick<ReferrerNode, 'via' | 'tag'>,
    above: ReadonlySet<Digest>,
    depth: number,
  ): Promise<ReferrerNode> {
    if (++this.#nodes > maxNodes) {
      throw failure('LIMIT', 'list referrers of', descriptor.digest, `more than ${maxNodes} in its tree`);
    }
    const { digest, mediaType, size, platform, artifactType, annotations } = descriptor;
    const isEnd = above.has(digest) || depth > maxDepth || bond.via === 'in-index attestation';
    const below = isEnd
      ? []
      : await this.#below(descriptor, bond.via, new Set([...above, digest]), depth + 1);
    return {
      digest,
      mediaType,
      size,
      ...bond,
      ...(platform === undefined || bond.via !== 'index' ? {} : { platform: formatPlatform(platform) }),
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
      referrers: below,
    };
  }

  async #below(
    descriptor: Descriptor,
    via: ReferrerNode['via'],
    above: ReadonlySet<Digest>,
    depth: number,
  ): Promise<ReferrerNode[]> {
    const [members, referrers] = await Promise.all([
      via === 'root' && isIndexType(descriptor.mediaType) ? this.#members(descriptor, above, depth) : [],
      this.#referrers.of(descriptor.digest, this.#options),
    ]);
    const bondOf = ({ tag }: Referrer): Pick<ReferrerNode, 'via' | 'tag'> =>
      tag === undefined ? { via: 'referrer' } : { via: 'cosign tag', tag };
    const found = await Promise.all(
      referrers.map((referrer) => this.node(referrer.descriptor, bondOf(referrer), above, depth)),
    );
    return [...found, ...members];
  }

  async #members(index: Descriptor, above: ReadonlySet<Digest>, depth: number): Promise<ReferrerNode[]> {
    const document = parseDocument(await readBytes(this.#store, index, this.#options), index.digest);
    if (document.kind !== 'index') return [];
    const { manifests } = document.index;
    const attestations = manifests.filter(isAttestation);
    const about = ({ annotations }: Descriptor) => annotations?.[referenceDigest];
    const images = manifests.filter((entry) => !isAttestation(entry));
    const bond = { via: 'in-index attestation' } as const;
    return await Promise.all(
      images.map(async (image) => {
        const node = await this.node(image, { via: 'index' }, above, depth);
        const own = attestations.filter((entry) => about(entry) === image.digest);
        const folded = await Promise.all(own.map((entry) => this.node(entry, bond, above, depth)));
        return { ...node, referrers: [...folded, ...node.referrers] };
      }),
    );
  }
}
