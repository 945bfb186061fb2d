import type { Content, IoOptions } from '../../content/store.ts';
import { failure, isFailure, type PolyarchError, reasonOf, throwIfAborted } from '../../lib/errors.ts';
import { redactUrl } from '../../lib/redact.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isConfidential } from './endpoint.ts';
import { BodyError, discard, type HttpResponse } from './http.ts';
import type { RepositorySession } from './repository-session.ts';
import { backoff, isRetryable, sleep } from './retry.ts';

/** An upload that the registry has begun: where its next request goes. */
export type UploadLocation = URL;

/**
 * Sends one blob as POST and a single PUT, which every registry takes (distribution-spec, "Pushing a blob monolithically"). When the PUT
 * breaks, the session is asked how much arrived and gets the rest; a session that is gone begins anew.
 */
export async function uploadBlob(
  session: RepositorySession,
  descriptor: Descriptor,
  content: Content,
  options: IoOptions & { started?: UploadLocation | undefined },
): Promise<void> {
  const { signal } = options;
  let location = options.started ?? (await startUpload(session, options));
  let offset = 0;
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal);
    let reason: string;
    try {
      const response = await put(session, location, descriptor, content, offset, options);
      if (response.status === 201 || response.status === 204 || response.status === 202) {
        discard(response);
        if (response.status !== 202) return;
        throw failure(
          'REGISTRY',
          'push',
          thing(session, descriptor),
          'the registry did not finish the upload (202)',
        );
      }
      // 404 and 416: the session is gone, or stands elsewhere than it said.
      const again = isRetryable(response.status) || (attempt > 1 && [404, 416].includes(response.status));
      if (!again || attempt >= session.attempts)
        throw await session.fail(response, 'push', `@${descriptor.digest}`);
      reason = `answered ${response.status}`;
      discard(response);
    } catch (error) {
      if (error instanceof BodyError) throw error.cause;
      if (!isFailure(error, 'NETWORK') || !error.retryable || attempt >= session.attempts) throw error;
      reason = reasonOf(error);
    }
    await sleep(backoff(attempt, session.pace), signal);
    const standing = await whereIs(session, location, descriptor, options);
    offset = standing?.offset ?? 0;
    location = standing?.location ?? (await startUpload(session, options));
    session.onEvent?.({ type: 'resume', direction: 'upload', digest: descriptor.digest, offset, reason });
  }
}

export async function startUpload(session: RepositorySession, options: IoOptions): Promise<UploadLocation> {
  const response = await session.call({
    method: 'POST',
    at: 'blobs/uploads/',
    actions: ['pull', 'push'],
    body: new Uint8Array(),
    signal: options.signal,
  });
  if (response.status !== 202)
    throw await session.fail(response, 'push to', '', 'the registry has no such repository');
  discard(response);
  return locationOf(session, response);
}

/**
 * The Location of an upload: relative, absolute, or on another host; its query is the registry's state and is kept. Bytes of ours go
 * neither from HTTPS to HTTP nor, unencrypted, off this machine, unless the registry itself was allowed to be spoken to so.
 */
export function locationOf(session: RepositorySession, response: HttpResponse): UploadLocation {
  const text = response.headers.location;
  const url = text === undefined ? null : URL.parse(text, response.url.href);
  const refused = (what: string): PolyarchError => failure('REGISTRY', 'push to', session.name, what);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw refused('the registry named no place for the upload');
  if (!isConfidential(url) && url.origin !== response.url.origin)
    throw refused(`the registry wants the upload unencrypted at ${redactUrl(url)}: refused`);
  url.username = '';
  url.password = '';
  return url;
}

async function put(
  session: RepositorySession,
  location: UploadLocation,
  descriptor: Descriptor,
  content: Content,
  offset: number,
  options: IoOptions,
): Promise<HttpResponse> {
  const url = new URL(location);
  url.searchParams.set('digest', descriptor.digest);
  const length = descriptor.size - offset;
  return await session.call({
    method: 'PUT',
    at: url,
    actions: ['pull', 'push'],
    headers: {
      'content-type': 'application/octet-stream',
      ...(offset > 0 ? { 'content-range': `${offset}-${descriptor.size - 1}` } : {}),
    },
    body: length === 0 ? new Uint8Array() : { length, open: () => content.open(offset, options) },
    signal: options.signal,
  });
}

/**
 * How many bytes an upload has. Undefined when the session is gone, and when the answer could mean none or one byte (`0-0`) or more than
 * there are: then it begins anew.
 */
async function whereIs(
  session: RepositorySession,
  location: UploadLocation,
  descriptor: Descriptor,
  options: IoOptions,
): Promise<{ offset: number; location: UploadLocation } | undefined> {
  const response = await session.call({
    method: 'GET',
    at: location,
    actions: ['pull', 'push'],
    signal: options.signal,
  });
  discard(response);
  if (response.status !== 204) return undefined;
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(response.headers.range ?? '')?.[1];
  const offset = Number(last ?? 0) + 1;
  if (last === undefined || offset <= 1 || offset >= descriptor.size) return undefined;
  const next = response.headers.location === undefined ? location : locationOf(session, response);
  return { offset, location: next };
}

function thing(session: RepositorySession, descriptor: Descriptor): string {
  return `${session.name}@${descriptor.digest}`;
}
