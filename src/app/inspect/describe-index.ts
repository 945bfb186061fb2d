import { parseDocument } from '../../content/document.ts';
import { readBytes } from '../../content/read-manifest.ts';
import { isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import { referenceDigest } from '../../oci/attestation.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Index, Manifest } from '../../oci/manifest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { transferSize } from './describe-manifest.ts';
import type { InspectedAttestation, InspectedIndex, InspectedPlatform } from './inspected.ts';

/** Manifests that an index lists are read side by side; more than this are an attack or a mistake. */
const maxEntries = 1000;
const readAtOnce = 16;

const predicateType = 'in-toto.io/predicate-type';

/** Reads every manifest that the index lists, side by side, and folds the attestations into the images that they are about. */
export async function describeIndex(
  store: Store,
  index: Index,
  options: IoOptions,
): Promise<Pick<InspectedIndex, 'artifactType' | 'annotations' | 'platforms' | 'dangling'>> {
  const { artifactType, annotations, manifests } = index;
  if (manifests.length > maxEntries) {
    const what = `its index lists ${manifests.length} manifests, more than ${maxEntries}`;
    throw failure('LIMIT', 'inspect', 'index', what);
  }
  const pool = new Pool(readAtOnce);
  const read = (entry: Descriptor) => pool.run(() => readEntry(store, entry, options));
  const [images, attestations] = await Promise.all([
    Promise.all(
      manifests
        .filter((entry) => !isAttestation(entry))
        .map(async (entry) => describeEntry(entry, await read(entry))),
    ),
    Promise.all(
      manifests
        .filter((entry) => isAttestation(entry))
        .map(async (entry) => describeAttestation(entry, await read(entry))),
    ),
  ]);
  const here = new Set<string>(images.map((image) => image.digest));
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    platforms: images.map((image) => ({
      ...image,
      attestations: attestations.filter((attestation) => attestation.about === image.digest),
    })),
    dangling: attestations.filter(({ about }) => about === undefined || !here.has(about)),
  };
}

/** `missing`: a sparse copy of the index, or a registry that lost it. */
async function readEntry(
  store: Store,
  entry: Descriptor,
  options: IoOptions,
): Promise<Manifest | 'missing' | 'index'> {
  try {
    const document = parseDocument(await readBytes(store, entry, options), entry.digest);
    return document.kind === 'index' ? 'index' : document.manifest;
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return 'missing';
    throw error;
  }
}

function describeEntry(
  entry: Descriptor,
  found: Manifest | 'missing' | 'index',
): Omit<InspectedPlatform, 'attestations'> {
  const { platform, digest, mediaType, annotations } = entry;
  const version = platform?.['os.version'];
  return {
    ...(platform === undefined ? {} : { platform: formatPlatform(platform) }),
    ...(version === undefined ? {} : { osVersion: version }),
    digest,
    mediaType,
    ...(typeof found === 'object' ? { size: transferSize(found), layers: found.layers.length } : {}),
    ...(found === 'missing' ? { missing: true } : {}),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function describeAttestation(
  { digest, mediaType, annotations }: Descriptor,
  found: Manifest | 'missing' | 'index',
): InspectedAttestation {
  const manifest = typeof found === 'object' ? found : undefined;
  const about = annotations?.[referenceDigest];
  return {
    digest,
    mediaType,
    ...(manifest === undefined ? {} : { size: transferSize(manifest) }),
    predicates: manifest?.layers.map((layer) => layer.annotations?.[predicateType] ?? layer.mediaType) ?? [],
    ...(about === undefined ? {} : { about }),
  };
}
