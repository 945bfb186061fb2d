import { parseDocument } from '../../content/document.ts';
import { readImageConfig, resolveDocument } from '../../content/read-manifest.ts';
import { checkEntryCount, isAttestation } from '../../content/select-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import { failure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { ImageConfig, Index, Manifest } from '../../oci/manifest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { IndexOptions } from '../index/index-options.ts';
import { IndexStores } from '../index/index-stores.ts';

/** What `manifest-tool inspect` shows. */
export type InspectedImage =
  | {
      readonly kind: 'index';
      readonly name: string;
      readonly descriptor: Descriptor;
      readonly index: Index;
      readonly entries: readonly { readonly entry: Descriptor; readonly manifest?: Manifest }[];
      readonly attestations: number;
    }
  | {
      readonly kind: 'image';
      readonly name: string;
      readonly descriptor: Descriptor;
      readonly manifest: Manifest;
      readonly config: ImageConfig;
    };

const readAtOnce = 8;

/** USAGE without a tag or digest: manifest-tool does not take `latest` for granted. */
export async function inspectImage(name: string, options: IndexOptions = {}): Promise<InspectedImage> {
  const reference = parseReference(name);
  if (reference.tag === undefined && reference.digest === undefined) {
    throw failure('USAGE', 'inspect', name, 'manifest-tool wants a tag or a digest', {
      hint: `${name}:latest`,
    });
  }
  const stores = new IndexStores(options);
  const io = { signal: options.signal };
  try {
    const place = await stores.source({ transport: 'docker', reference });
    const { descriptor, bytes } = await resolveDocument(place.store, place.reference, io);
    const document = parseDocument(bytes, name);
    if (document.kind === 'manifest') {
      const { manifest } = document;
      const config = await readImageConfig(place.store, manifest.config, io);
      return { kind: 'image', name, descriptor, manifest, config };
    }
    const { manifests } = document.index;
    checkEntryCount(name, manifests.length);
    const pool = new Pool(readAtOnce);
    return {
      kind: 'index',
      name,
      descriptor,
      index: document.index,
      entries: await Promise.all(manifests.map((entry) => pool.run(() => readEntry(place.store, entry, io)))),
      attestations: manifests.filter(isAttestation).length,
    };
  } finally {
    await stores.close();
  }
}

async function readEntry(store: Store, entry: Descriptor, options: IoOptions) {
  const { bytes } = await resolveDocument(store, entry.digest, options);
  const document = parseDocument(bytes, entry.digest);
  return document.kind === 'manifest' ? { entry, manifest: document.manifest } : { entry };
}
