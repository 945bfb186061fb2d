import type { Readable } from 'node:stream';
import type { Digest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { LayerTree } from './layer-tree.ts';
import { type ReadLayerOptions, readLayer } from './read-layer.ts';
import type { Toc } from './toc.ts';

/** Reads a layer's table of contents in one pass. CONTENT_INVALID when the plain tar has another digest than `diffId`. */
export async function readToc(blob: Readable, diffId: Digest, options: ReadLayerOptions = {}): Promise<Toc> {
  const tree = new LayerTree({ source: options.source });
  const found = await readLayer(
    blob,
    { entry: (header) => void tree.apply(header), data: () => {}, end: () => {} },
    options,
  );
  if (found !== diffId) {
    throw failure('CONTENT_INVALID', 'read layer', diffId, `its uncompressed content is ${found}`);
  }
  return tree.toc();
}
