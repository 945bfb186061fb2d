import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Digest, finishDigest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { LayerTree } from './layer-tree.ts';
import { type ReadLayerOptions, readLayer } from './read-layer.ts';
import type { Toc, TocEntry } from './toc.ts';

export interface ReadTocOptions extends ReadLayerOptions {
  /** Bytes of all names, link targets and attributes together; LIMIT beyond. Default 512 MiB. */
  maxNameBytes?: number | undefined;
  /** Gets the digest of each file's content. Entries are those of the table of contents, those that were replaced later among them. */
  contents?: Pick<WeakMap<TocEntry, Digest>, 'set'> | undefined;
}

/** Reads a layer's table of contents in one pass. CONTENT_INVALID when the plain tar has another digest than `diffId`. */
export async function readToc(blob: Readable, diffId: Digest, options: ReadTocOptions = {}): Promise<Toc> {
  const { source, maxNameBytes, contents } = options;
  const tree = new LayerTree({ source, maxNameBytes });
  let file: { entry: TocEntry; hash: Hash } | undefined;
  const found = await readLayer(
    blob,
    {
      entry(header) {
        const change = tree.apply(header);
        const isFile = change.kind === 'put' && change.entry.type === 'file';
        file = contents && isFile ? { entry: change.entry, hash: createHash('sha256') } : undefined;
      },
      data: (bytes) => void file?.hash.update(bytes),
      end: () => void (file && contents?.set(file.entry, finishDigest(file.hash))),
    },
    options,
  );
  if (found !== diffId) {
    throw failure('CONTENT_INVALID', 'read layer', diffId, `its uncompressed content is ${found}`);
  }
  return tree.toc();
}
