import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { decompress } from '../../archive/decompress.ts';
import { type Digest, finishDigest, hexOf } from '../../lib/digest.ts';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import type { Download } from './download.ts';

export interface SaveDownloadOptions {
  readonly url: URL;
  readonly maxBytes: number;
  readonly checksum?: Digest | undefined;
  readonly signal: AbortSignal;
}

/** Streams an answer into a file of `directory` that is named by its digest; nothing is left there when it fails. */
export async function saveDownload(
  download: Download,
  directory: string,
  options: SaveDownloadOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const { url, maxBytes, checksum, signal } = options;
  const shown = redactUrl(url);
  const temporary = join(directory, `.download-${process.pid}-${Math.random().toString(36).slice(2)}`);
  try {
    await mkdir(directory, { recursive: true });
    const file = await open(temporary, 'wx', 0o600);
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of decoded(download, shown, signal)) {
        throwIfAborted(signal);
        size += chunk.length;
        if (size > maxBytes) {
          throw failure('LIMIT', 'fetch', shown, `it has more than ${maxBytes} bytes (maxDownloadBytes)`);
        }
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    assertLength(download, shown, size);
    const digest = finishDigest(hash);
    assertChecksum(url, digest, checksum);
    await rename(temporary, join(directory, hexOf(digest)));
    return { digest, size };
  } catch (error) {
    download.cancel();
    await rm(temporary, { force: true });
    if (error instanceof PolyarchError) throw error;
    throw failure('STORE', 'fetch', shown, reasonOf(error), { cause: error });
  }
}

/** A server may compress on the way, as Docker lets it; what a file is itself compressed with stays. */
function decoded({ headers, body }: Download, shown: string, signal: AbortSignal): AsyncIterable<Buffer> {
  const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity' || encoding === '') return body;
  if (encoding === 'gzip' || encoding === 'x-gzip') return decompress(body, { source: shown, signal });
  throw failure('UNSUPPORTED', 'fetch', shown, `the server sends it with the encoding ${encoding}`);
}

function assertLength({ headers }: Download, shown: string, size: number): void {
  const announced = headers['content-length'];
  if (announced === undefined || headers['content-encoding'] !== undefined || Number(announced) === size)
    return;
  throw failure('NETWORK', 'fetch', shown, `it ended after ${size} of ${String(announced)} bytes`, {
    retryable: true,
  });
}

export function assertChecksum(url: URL, found: Digest, wanted: Digest | undefined): void {
  if (wanted === undefined || found === wanted) return;
  const what = `its checksum is ${found}, ${wanted} was asked for`;
  throw failure('CONTENT_INVALID', 'fetch', redactUrl(url), what);
}
