import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Digest, finishDigest } from '../lib/digest.ts';
import { failure, throwIfAborted } from '../lib/errors.ts';
import { type BytePath, baseNameOf, joinBytePath, parentOf } from './byte-path.ts';
import { decompress } from './decompress.ts';
import { opaqueWhiteout, whiteoutPrefix } from './entry.ts';
import { normalEntryPath } from './entry-path.ts';
import { TarReader } from './tar-reader.ts';
import type { Toc, TocEntry } from './toc.ts';

/** Reads a layer's table of contents in one pass. CONTENT_INVALID when the plain tar has another digest than `diffId`. */
export async function readToc(
  blob: Readable,
  diffId: Digest,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Toc> {
  const entries = new Map<BytePath, TocEntry>();
  const whiteouts = new Set<BytePath>();
  const opaque = new Set<BytePath>();
  const reader = new TarReader({
    entry(header) {
      const path = normalEntryPath(header.path);
      const name = baseNameOf(path);
      if (name === opaqueWhiteout) opaque.add(parentOf(path));
      else if (name === whiteoutPrefix)
        throw failure('ARCHIVE', 'read', 'layer', 'it has a whiteout without a name');
      else if (name.startsWith(whiteoutPrefix))
        whiteouts.add(joinBytePath(parentOf(path), name.slice(whiteoutPrefix.length)));
      else entries.set(path, { ...header, path });
    },
  });
  const hash = createHash('sha256');
  for await (const chunk of await decompress(blob)) {
    throwIfAborted(options.signal);
    hash.update(chunk as Buffer);
    await reader.write(chunk as Buffer);
  }
  reader.end();
  const found = finishDigest(hash);
  if (found !== diffId)
    throw failure('CONTENT_INVALID', 'read layer', diffId, `its uncompressed content is ${found}`);
  return { entries: [...entries.values()], whiteouts: [...whiteouts], opaque: [...opaque] };
}
