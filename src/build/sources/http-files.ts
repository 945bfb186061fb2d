import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import { claimSource } from './claim-source.ts';
import type { Download, GetFile } from './download.ts';
import { assertChecksum, saveDownload } from './save-download.ts';

/** Bytes of one file that is fetched. */
const maxDownloadBytes = 64 * 1024 ** 3;

/** A validator younger than this when it was given may stand for two contents (RFC 9110, 8.8.2.2). */
const weakSeconds = 60;

export interface FetchedFile {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  /** Last-Modified, seconds; 0 where the server gave none. */
  readonly modified: number;
}

export interface HttpFilesOptions {
  /** Files by digest, and what was learnt of URLs by their hash: no URL is ever written down. */
  readonly directory: string;
  readonly get: GetFile;
  readonly maxBytes?: number;
}

interface UrlRecord {
  readonly digest: Digest;
  readonly size: number;
  readonly modified: number;
  readonly etag?: string;
  /** As the server wrote it, where it may be asked about again. */
  readonly lastModified?: string;
}

/** What a build needs of it. */
export type FileFetcher = Pick<HttpFiles, 'fetch'>;

/** Files behind URLs, fetched once and asked about again by ETag or Last-Modified. */
export class HttpFiles {
  readonly #options: HttpFilesOptions;

  constructor(options: HttpFilesOptions) {
    this.#options = options;
  }

  /**
   * With a `checksum` that is here already nothing is asked. NOT_FOUND, UNAUTHORIZED and NETWORK as the server answers, CONTENT_INVALID for another
   * checksum, LIMIT beyond `maxDownloadBytes`.
   */
  async fetch(
    address: string,
    options: { readonly checksum?: Digest | undefined; readonly signal: AbortSignal },
  ): Promise<FetchedFile> {
    const { checksum, signal } = options;
    const url = URL.parse(address);
    if (url === null) throw failure('DOCKERFILE', 'fetch', '(not a URL)', 'it is no URL');
    url.hash = '';
    const recordPath = join(this.#options.directory, 'urls', `${hexOf(digestOf(url.href))}.json`);
    const known = await this.#known(recordPath);
    if (checksum !== undefined && known?.digest === checksum) return this.#file(known);
    const download = await this.#options.get(url, { headers: headersFor(known), signal });
    if (known !== undefined && isUnchanged(download, known)) {
      download.cancel();
      assertChecksum(url, known.digest, checksum);
      return this.#file(known);
    }
    assertFound(url, download);
    const { directory, maxBytes = maxDownloadBytes } = this.#options;
    const saved = await saveDownload(download, join(directory, 'files'), { url, maxBytes, checksum, signal });
    const record = { ...saved, ...validatorsOf(download) };
    await mkdir(dirname(recordPath), { recursive: true });
    await writeFileAtomic(recordPath, JSON.stringify(record), { sync: false });
    return this.#file(record);
  }

  #file({ digest, size, modified }: UrlRecord): FetchedFile {
    return { path: this.#pathOf(digest), digest, size, modified };
  }

  #pathOf(digest: Digest): string {
    return join(this.#options.directory, 'files', hexOf(digest));
  }

  /** Undefined when the URL was never fetched, or its file is gone. */
  async #known(path: string): Promise<UrlRecord | undefined> {
    try {
      const record = JSON.parse(await readFile(path, 'utf8')) as UrlRecord;
      if (!isDigest(record.digest)) return undefined;
      return (await claimSource(this.#pathOf(record.digest)))?.size === record.size ? record : undefined;
    } catch {
      return undefined;
    }
  }
}

function headersFor(known: UrlRecord | undefined): Record<string, string> {
  return {
    accept: '*/*',
    'accept-encoding': 'identity',
    ...(known?.etag !== undefined && { 'if-none-match': known.etag }),
    ...(known?.etag === undefined &&
      known?.lastModified !== undefined && { 'if-modified-since': known.lastModified }),
  };
}

/** Some servers give ETags and ignore the question. */
function isUnchanged({ status, headers }: Download, known: UrlRecord): boolean {
  if (status === 304) return true;
  const strong = (etag: string) => etag.replace(/^W\//, '');
  const etag = text(headers.etag);
  return (
    status === 200 && etag !== undefined && known.etag !== undefined && strong(etag) === strong(known.etag)
  );
}

function assertFound(url: URL, download: Download): void {
  const { status } = download;
  if (status === 200) return;
  download.cancel();
  const shown = redactUrl(url);
  if (status === 404 || status === 410)
    throw failure('NOT_FOUND', 'fetch', shown, `the server answers ${status}`);
  if (status === 401 || status === 403)
    throw failure('UNAUTHORIZED', 'fetch', shown, `the server answers ${status}`);
  throw failure('NETWORK', 'fetch', shown, `the server answers ${status}`);
}

function validatorsOf({ headers }: Download): Pick<UrlRecord, 'modified' | 'etag' | 'lastModified'> {
  const etag = text(headers.etag);
  const lastModified = text(headers['last-modified']);
  const time = lastModified === undefined ? Number.NaN : Date.parse(lastModified) / 1000;
  const given = Date.parse(text(headers.date) ?? '') / 1000;
  const settled = (Number.isNaN(given) ? Date.now() / 1000 : given) - time > weakSeconds;
  return {
    modified: Number.isNaN(time) ? 0 : Math.max(0, time),
    ...(etag !== undefined && etag.length < 1024 && { etag }),
    ...(lastModified !== undefined && settled && { lastModified }),
  };
}

function text(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined;
}
