import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { redactUrl } from '../../lib/redact.ts';
import { limits } from './limits.ts';

/** Bytes of a request that can be opened again. `length` in bytes is what Content-Length promises. */
export interface StreamBody {
  readonly length: number;
  open(): Promise<Readable>;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: URL;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A Uint8Array is sent again by whoever retries; a stream only by its owner, who knows what the other side has. */
  readonly body?: Uint8Array | StreamBody | undefined;
  /** `repository:<name>:pull,push`: what a token for this request has to allow. */
  readonly scopes?: readonly string[];
  /** The host's certificate need not be trusted. Ends with this host: a redirect to another does not inherit it. */
  readonly insecure?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where the answer came from: another origin than the request's after a redirect. */
  readonly url: URL;
  /** Must be read, or handed to `discard`. */
  readonly body: Readable;
}

/**
 * Sends one request. The layers of the client are decorators of this shape: transport, redirects, authentication, retry.
 * Any status is an answer; NETWORK is thrown when there is none.
 */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

/** The request's own stream failed, not the connection: `cause` is what it failed with, and sending again does not help. */
export class BodyError extends Error {
  constructor(cause: unknown) {
    super('the body to send failed', { cause });
  }
}

export function describeRequest(request: HttpRequest): string {
  return `${request.method} ${redactUrl(request.url)}`;
}

/** Gives the connection back (short bodies) or closes it. */
export function discard(response: HttpResponse): void {
  response.body.on('error', () => {});
  const length = Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= limits.drainBytes) response.body.resume();
  else response.body.destroy();
}
