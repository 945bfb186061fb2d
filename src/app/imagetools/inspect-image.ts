import { parseDocument } from '../../content/document.ts';
import { readImageConfig, resolveDocument } from '../../content/read-manifest.ts';
import { checkEntryCount, isAttestation } from '../../content/select-manifest.ts';
import { Pool } from '../../lib/pool.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { parseLocation } from '../../oci/location.ts';
import type { ImageConfig, Index } from '../../oci/manifest.ts';
import { formatPlatform, normalizePlatform } from '../../oci/platform.ts';
import type { IndexOptions } from '../index/index-options.ts';
import { IndexStores } from '../index/index-stores.ts';

const readAtOnce = 8;

/** What `docker buildx imagetools inspect` shows. */
export interface InspectedTool {
  /** In full. */
  readonly name: string;
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly index?: Index;
}

export async function inspectTool(text: string, options: IndexOptions = {}): Promise<InspectedTool> {
  return await withStores(options, async (stores) => {
    const { name, store, reference } = await stores.source(parseLocation(text));
    const { descriptor, bytes } = await resolveDocument(store, reference, { signal: options.signal });
    const document = parseDocument(bytes, name);
    return { name, descriptor, bytes, ...(document.kind === 'index' ? { index: document.index } : {}) };
  });
}

/** The configs of an image: by platform when there are several, as buildx's templates have them. */
export async function imageConfigs(
  text: string,
  options: IndexOptions = {},
): Promise<Record<string, ImageConfig>> {
  return await withStores(options, async (stores) => {
    const io = { signal: options.signal };
    const { name, store, reference } = await stores.source(parseLocation(text));
    const root = await resolveDocument(store, reference, io);
    const document = parseDocument(root.bytes, name);
    const entries =
      document.kind === 'index'
        ? document.index.manifests.filter((one) => !isAttestation(one))
        : [root.descriptor];
    checkEntryCount(name, entries.length);
    const pool = new Pool(readAtOnce);
    const readOne = async (entry: Descriptor) => {
      const child = parseDocument((await resolveDocument(store, entry.digest, io)).bytes, entry.digest);
      if (child.kind !== 'manifest') return [];
      const config = await readImageConfig(store, child.manifest.config, io);
      return [[formatPlatform(normalizePlatform(entry.platform ?? config)), config] as const];
    };
    const read = await Promise.all(entries.map((entry) => pool.run(() => readOne(entry))));
    return Object.fromEntries(read.flat());
  });
}

async function withStores<T>(options: IndexOptions, work: (stores: IndexStores) => Promise<T>): Promise<T> {
  const stores = new IndexStores(options);
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}
