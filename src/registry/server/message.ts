import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** A request as the handlers see it: no socket, so that tests need none. */
export interface RegistryRequest {
  readonly method: string;
  /** As sent, without the query: names and tags of the specification need no percent-encoding. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Aborted when the client is gone or the server closes. */
  readonly signal: AbortSignal;
}

export interface RegistryResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  /** Left out of the answer to a HEAD by whoever sends it; its length then stands in the headers all the same. */
  readonly body?: Buffer | Readable;
}

/** What a wrapper (authorisation, logging) takes and gives. Rejects only with what is a defect or a broken connection. */
export type Handler = (request: RegistryRequest) => Promise<RegistryResponse>;
