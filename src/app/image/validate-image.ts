import { readLayer } from '../../archive/read-layer.ts';
import { parseDocument } from '../../content/document.ts';
import { readBytes, readImageConfig } from '../../content/read-manifest.ts';
import type { IoOptions, Store } from '../../content/store.ts';
import { isFailure, reasonOf } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Manifest } from '../../oci/manifest.ts';
import { isLayerType } from '../../oci/media-types.ts';
import { isImageManifest } from '../inspect/describe-manifest.ts';
import { type InspectOptions, withRoot } from '../inspect/open-root.ts';

export interface ValidateOptions extends InspectOptions {
  /** Layers are looked up and not read. Default false. */
  readonly fast?: boolean | undefined;
}

/**
 * What is wrong with an image, in words; nothing when it is whole: digests and sizes of all that it reaches, as many layers in the config as
 * in the manifest, each a tar whose digest is the config's diffID.
 */
export async function validateImage(text: string, options: ValidateOptions = {}): Promise<string[]> {
  return await withRoot(text, options, async ({ store, descriptor }) => {
    const problems: string[] = [];
    await validate(store, descriptor, options, problems);
    return problems;
  });
}

const nothing = { entry: () => {}, data: () => {}, end: () => {} };

async function validate(
  store: Store,
  descriptor: Descriptor,
  options: ValidateOptions,
  problems: string[],
): Promise<void> {
  await collecting(problems, options, async () => {
    const document = parseDocument(await readBytes(store, descriptor, options), descriptor.digest);
    if (document.kind === 'index') {
      for (const entry of document.index.manifests) await validate(store, entry, options, problems);
    } else await validateManifest(store, descriptor, document.manifest, options, problems);
  });
}

async function validateManifest(
  store: Store,
  { digest }: Descriptor,
  manifest: Manifest,
  options: ValidateOptions,
  problems: string[],
): Promise<void> {
  const { config, layers } = manifest;
  const isImage = isImageManifest(manifest);
  const diffIds = isImage ? (await readImageConfig(store, config, options)).rootfs.diff_ids : undefined;
  if (!isImage) await readBytes(store, config, options);
  if (diffIds && diffIds.length !== layers.length) {
    problems.push(`${digest}: its config names ${diffIds.length} layers, its manifest ${layers.length}`);
  }
  for (const [position, layer] of layers.entries()) {
    await collecting(problems, options, async () => {
      if (options.fast) {
        if (!(await store.exists(layer, options))) problems.push(`${layer.digest}: it is not there`);
        return;
      }
      const stream = await store.fetch(layer, options);
      if (!isLayerType(layer.mediaType)) {
        // Read to the end: the stream verifies.
        stream.resume();
        await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
        return;
      }
      const found = await readLayer(stream, nothing, { signal: options.signal, source: layer.digest });
      const expected = diffIds?.[position];
      if (expected !== undefined && found !== expected) {
        problems.push(`${layer.digest}: its uncompressed content is ${found}, the config says ${expected}`);
      }
    });
  }
}

async function collecting(problems: string[], options: IoOptions, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // A registry that cannot be reached says nothing of the image.
    if (options.signal?.aborted || !isFailure(error, 'CONTENT_INVALID', 'ARCHIVE', 'NOT_FOUND', 'LIMIT'))
      throw error;
    problems.push(reasonOf(error));
  }
}
