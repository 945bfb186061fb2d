import { flattenLayers } from '../../archive/flatten-layers.ts';
import { failure } from '../../lib/errors.ts';
import { isLayerType } from '../../oci/media-types.ts';
import { readImageLayers } from '../image-layers.ts';
import { type InspectOptions, imageOf, withRoot } from '../inspect/open-root.ts';

/** One platform's files as one tar, handed to `write` piece by piece; nothing is unpacked, and memory follows names only. */
export async function exportImage(
  text: string,
  write: (pieces: AsyncIterable<Buffer>) => Promise<void>,
  options: InspectOptions = {},
): Promise<void> {
  const { signal } = options;
  await withRoot(text, options, async (named) => {
    const { store, descriptor } = await imageOf(named, options);
    const { layers } = await readImageLayers(store, descriptor, options);
    for (const layer of layers) {
      const { mediaType, digest } = layer.descriptor;
      if (!isLayerType(mediaType))
        throw failure('UNSUPPORTED', 'export', digest, `it is no layer of files but ${mediaType}`);
    }
    const opens = layers
      .map((layer) => async () => await store.fetch(layer.descriptor, { signal }))
      .reverse();
    await write(flattenLayers(opens, { signal, source: descriptor.digest }));
  });
}
