import { parseDocument } from '../../content/document.ts';
import { resolveDocument } from '../../content/read-manifest.ts';
import { subjectOf } from '../../index/attestations.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { IndexOptions } from './index-options.ts';
import { IndexStores } from './index-stores.ts';

/** An entry with every field that its descriptor has. */
export interface ShownEntry {
  /** `linux/arm64/v8`, as the index spells it. */
  readonly platform?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
  readonly features?: readonly string[];
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of the manifest. */
  readonly size: number;
  readonly artifactType?: string;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** The digest that an attestation is about. */
  readonly about?: string;
}

export interface ShownIndex {
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly entries: readonly ShownEntry[];
}

/** What an index says, entry by entry, in one request: nothing behind it is read. USAGE for one image. */
export async function showIndex(text: string, options: IndexOptions = {}): Promise<ShownIndex> {
  const { document, root, reference } = await readRoot(text, options);
  if (document.kind !== 'index') {
    throw failure('USAGE', 'show', reference, 'it is one image, not an index', {
      hint: `polyarch inspect ${text}`,
    });
  }
  const { artifactType, subject, annotations, manifests } = document.index;
  return {
    reference,
    ...root,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(subject === undefined ? {} : { subject }),
    ...(annotations === undefined ? {} : { annotations }),
    entries: manifests.map(shownEntry),
  };
}

/** The exact bytes of the index. */
export async function showIndexRaw(text: string, options: IndexOptions = {}): Promise<Buffer> {
  return (await readRoot(text, options)).bytes;
}

async function readRoot(text: string, options: IndexOptions) {
  const stores = new IndexStores(options);
  try {
    const { store, reference, name } = await stores.source(parseLocation(text));
    const { descriptor, bytes } = await resolveDocument(store, reference, { signal: options.signal });
    const { mediaType, digest, size } = descriptor;
    return {
      reference: name,
      root: { mediaType, digest, size },
      bytes,
      document: parseDocument(bytes, name),
    };
  } finally {
    await stores.close();
  }
}

function shownEntry(entry: Descriptor): ShownEntry {
  const { platform, digest, mediaType, size, artifactType, urls, annotations } = entry;
  const about = subjectOf(entry);
  const [osVersion, osFeatures] = [platform?.['os.version'], platform?.['os.features']];
  return {
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
    ...(platform?.features === undefined ? {} : { features: platform.features }),
    digest,
    mediaType,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(urls === undefined ? {} : { urls }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(about === undefined ? {} : { about }),
  };
}
