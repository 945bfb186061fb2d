import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { ResponseHead } from './response-head.ts';

/** An answer: its head, and its body as a stream. */
export class PlainResponse extends Readable {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly #resumed: () => void;
  readonly #dropped: () => void;

  /** `resumed`: more is wanted. `dropped`: it was destroyed before its end. */
  constructor(head: ResponseHead, options: { resumed: () => void; dropped: () => void }) {
    super({ highWaterMark: 256 * 1024 });
    this.statusCode = head.status;
    this.headers = head.headers;
    this.#resumed = options.resumed;
    this.#dropped = options.dropped;
    // Whoever reads it may begin later, and learns of it then: a bare event would end the process.
    this.on('error', () => {});
  }

  override _read(): void {
    this.#resumed();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#dropped();
    callback(error);
  }
}
