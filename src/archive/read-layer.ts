import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Digest, finishDigest } from '../lib/digest.ts';
import { decompress } from './decompress.ts';
import { type TarHandler, type TarLimits, TarParser } from './tar-parser.ts';

export interface ReadLayerOptions {
  signal?: AbortSignal | undefined;
  /** What messages call the layer. Default `layer`. */
  source?: string | undefined;
  limits?: Partial<TarLimits> | undefined;
}

/**
 * Feeds a layer's blob (gzip, zstd or plain tar) to `handler` and gives its diffID. Reads to the very end, also what lies behind the archive's
 * end mark: it is part of the diffID. Compare that before you believe what the handler saw.
 */
export async function readLayer(
  blob: Readable | AsyncIterable<Buffer>,
  handler: TarHandler,
  options: ReadLayerOptions = {},
): Promise<Digest> {
  const parser = new TarParser(handler, options);
  const hash = createHash('sha256');
  for await (const chunk of decompress(blob, options)) {
    hash.update(chunk);
    parser.write(chunk);
  }
  parser.close();
  return finishDigest(hash);
}
