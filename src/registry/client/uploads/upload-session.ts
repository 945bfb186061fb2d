import type { IoOptions } from '../../../content/store.ts';
import { failure, type PolyarchError } from '../../../lib/errors.ts';
import { redactUrl } from '../../../lib/redact.ts';
import { isConfidential, isThisMachine } from '../endpoint.ts';
import { discard, type HttpResponse } from '../http.ts';
import type { RepositorySession } from '../repository-session.ts';

/** An upload that the registry has begun. */
export interface Upload {
  /** Where its next request goes. */
  readonly location: URL;
  /** Bytes that the registry has of it. */
  readonly offset: number;
  /** Bytes that a chunk has at least, but for the last (OCI-Chunk-Min-Length). */
  readonly minChunk: number;
}

export async function startUpload(session: RepositorySession, options: IoOptions): Promise<Upload> {
  const response = await session.call({
    method: 'POST',
    at: 'blobs/uploads/',
    actions: ['pull', 'push'],
    body: new Uint8Array(),
    signal: options.signal,
  });
  if (response.status !== 202) {
    throw await session.fail(response, 'push to', '', 'the registry has no such repository');
  }
  discard(response);
  return begunUpload(session, response);
}

/** The upload that a 202 speaks of: of a POST, or of a mount that was not made. */
export function begunUpload(session: RepositorySession, response: HttpResponse): Upload {
  const [least] = [response.headers['oci-chunk-min-length']].flat();
  return {
    location: locationOf(session, response),
    offset: 0,
    minChunk: least !== undefined && /^\d{1,12}$/.test(least) ? Number(least) : 0,
  };
}

/**
 * The Location of an upload: relative, absolute, or on another host; its query is the registry's state and is kept. Bytes of ours go
 * neither from HTTPS to HTTP nor, unencrypted, off this machine, unless the registry itself was allowed to be spoken to so; nor from elsewhere to
 * this machine's own services.
 */
function locationOf(session: RepositorySession, response: HttpResponse): URL {
  const text = response.headers.location;
  const url = text === undefined ? null : URL.parse(text, response.url.href);
  const refused = (what: string): PolyarchError => failure('REGISTRY', 'push to', session.name, what);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw refused('the registry named no place for the upload');
  }
  if (!isConfidential(url) && url.origin !== response.url.origin) {
    throw refused(`the registry wants the upload unencrypted at ${redactUrl(url)}: refused`);
  }
  if (isThisMachine(url.hostname) && !isThisMachine(response.url.hostname)) {
    throw refused(`the registry wants the upload on this machine, at ${redactUrl(url)}: refused`);
  }
  url.username = '';
  url.password = '';
  return url;
}

/** Where an upload goes on after an answer that may name a new place for it. */
export function movedUpload(
  session: RepositorySession,
  upload: Upload,
  response: HttpResponse,
  offset: number,
): Upload {
  const location = response.headers.location === undefined ? upload.location : locationOf(session, response);
  return { ...upload, location, offset };
}

/**
 * What the registry has of an upload. Undefined when the session is gone, and when the answer could mean none or one byte (`0-0`) or as
 * many as there are: then it begins anew. So it does with distribution 2 and 3 (docker-registry, Harbor) after a request that broke: they hold
 * the bytes against the offset in the location's `_state`, answer 404 and drop what arrived.
 */
export async function askUpload(
  session: RepositorySession,
  upload: Upload,
  size: number,
  options: IoOptions,
): Promise<Upload | undefined> {
  const response = await session.call({
    method: 'GET',
    at: upload.location,
    actions: ['pull', 'push'],
    signal: options.signal,
  });
  discard(response);
  if (response.status !== 204) return undefined;
  const offset = rangeEnd(response);
  if (offset === undefined || offset <= 1 || offset >= size) return undefined;
  return movedUpload(session, upload, response, offset);
}

/** The number of bytes that `Range: 0-N` speaks of; undefined when there is none. */
export function rangeEnd(response: HttpResponse): number | undefined {
  const [text] = [response.headers.range].flat();
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(text ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}
