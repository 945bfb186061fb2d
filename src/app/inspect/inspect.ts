import { parseDocument } from '../../content/document.ts';
import { readBytes, readManifest } from '../../content/read-manifest.ts';
import type { Digest } from '../../lib/digest.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { describeIndex } from './describe-index.ts';
import { describeManifest } from './describe-manifest.ts';
import type { Inspected } from './inspected.ts';
import { type InspectOptions, imageOf, withRoot } from './open-root.ts';

/** What a reference stands for: an index's platforms, or one manifest with its config, layers and history. */
export async function inspect(text: string, options: InspectOptions = {}): Promise<Inspected> {
  return await withRoot(text, options, async ({ store, descriptor, reference }) => {
    const document = parseDocument(await readBytes(store, descriptor, options), reference);
    const { mediaType, digest, size } = descriptor;
    if (document.kind === 'manifest') {
      const described = await describeManifest(store, document.manifest, options);
      return { kind: 'manifest', reference, mediaType, digest, ...described };
    }
    const described = await describeIndex(store, document.index, options);
    return { kind: 'index', reference, mediaType, digest, size, ...described };
  });
}

/** The exact bytes of the index or manifest, whose digest is the reference's. */
export async function inspectRaw(text: string, options: InspectOptions = {}): Promise<Buffer> {
  return await withRoot(text, options, ({ store, descriptor }) => readBytes(store, descriptor, options));
}

/** The exact bytes of the config: of the platform that was asked for, of the only manifest, or of this machine's platform. */
export async function inspectConfig(text: string, options: InspectOptions = {}): Promise<Buffer> {
  return await withRoot(text, options, async (root) => {
    const { store, descriptor } = await imageOf(root, options);
    const { config } = await readManifest(store, descriptor, options);
    return await readBytes(store, config, options);
  });
}

/** The digest of the index or manifest. */
export async function inspectDigest(text: string, options: InspectOptions = {}): Promise<Digest> {
  return await withRoot(text, options, async ({ descriptor }) => descriptor.digest);
}

/** Whether a reference stands for several images. */
export async function isIndex(text: string, options: InspectOptions = {}): Promise<boolean> {
  return await withRoot(text, options, async ({ descriptor }) => isIndexType(descriptor.mediaType));
}
