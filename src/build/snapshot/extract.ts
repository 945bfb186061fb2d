import { chmodSync, createReadStream, mkdirSync, openSync, readdirSync } from 'node:fs';
import { readLayer } from '../../archive/read-layer.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, PolyarchError, reasonOf } from '../../lib/errors.ts';
import { type ExtractedLayer, type ExtractOptions, LayerUnpacker } from './layer-unpacker.ts';
import { loadSyscalls } from './syscalls.ts';

export type { ExtractedLayer, ExtractOptions };

/**
 * Extracts a layer's blob (gzip, zstd or plain tar) into `directory`, which is made or must be empty, for use as a lower directory of
 * overlayfs mounted with `userxattr`: whiteouts are character devices 0:0, opaque directories carry `user.overlay.opaque`.
 *
 * Nothing outside `directory` is written, whatever the blob says. CONTENT_INVALID when the content is not `diffId`'s, ARCHIVE when it is
 * hostile or malformed, LIMIT, STORE. After any error the directory holds rubbish: remove it with `removeTree`.
 */
export async function extractLayer(
  blob: string,
  diffId: Digest,
  directory: string,
  options: ExtractOptions = {},
): Promise<ExtractedLayer> {
  const calls = await loadSyscalls();
  const fd = prepare(blob, directory);
  const unpacker = new LayerUnpacker(directory, calls, { ...options, source: diffId });
  try {
    const stream = createReadStream('', { fd, highWaterMark: 1024 * 1024, signal: options.signal });
    const found = await readLayer(stream, unpacker, { ...options, source: diffId });
    if (found !== diffId) {
      throw failure('CONTENT_INVALID', 'extract layer', diffId, `its uncompressed content is ${found}`);
    }
    return unpacker.finish();
  } catch (error) {
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'extract layer', diffId, reasonOf(error), { cause: error });
  } finally {
    unpacker.close();
  }
}

function prepare(blob: string, directory: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (readdirSync(directory).length > 0) throw failure('STORE', 'extract to', directory, 'it is not empty');
    // Also takes an inherited setgid bit away, which would give new files another group.
    chmodSync(directory, 0o700);
    return openSync(blob, 'r');
  } catch (error) {
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'extract', blob, reasonOf(error), { cause: error });
  }
}
