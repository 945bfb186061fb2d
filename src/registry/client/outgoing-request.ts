import type { IncomingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';

/**
 * What an exchange needs of a request: node:http's ClientRequest has it, and our PlainRequest. Its events besides a stream's: `socket`, when it has a connection, and
 * `response` with an IncomingAnswer. It closes when the answer is whole, or when there will be none.
 */
export interface OutgoingRequest extends Writable {
  readonly protocol: string;
  readonly host: string;
  /** Whether its connection served another request before. */
  readonly reusedSocket: boolean;
}

/** An answer's head, and its body as a stream. */
export interface IncomingAnswer extends Readable {
  readonly statusCode?: number | undefined;
  readonly headers: IncomingHttpHeaders;
}
