import { NotHttp } from './response-head.ts';

/** A chunk's size line with its extensions, and all trailers, in bytes. */
const lineBytes = 4096;
const trailerBytes = 16 * 1024;

/** Takes a chunked body apart (RFC 9112, section 7.1), however it is cut into pieces. Extensions and trailers are skipped within limits. Throws NotHttp. */
export class ChunkedDecoder {
  readonly #take: (data: Buffer) => void;
  #state: 'size' | 'data' | 'data-end' | 'trailer' = 'size';
  #left = 0;
  #line = '';
  #trailers = 0;
  done = false;

  /** `take` gets the body's bytes. */
  constructor(take: (data: Buffer) => void) {
    this.#take = take;
  }

  /** Gives how many bytes of `piece` belong to the body: less than all only when it is done. */
  decode(piece: Buffer): number {
    let at = 0;
    while (at < piece.length && !this.done) {
      if (this.#state === 'data') {
        const data = piece.subarray(at, at + this.#left);
        this.#left -= data.length;
        at += data.length;
        if (this.#left === 0) this.#state = 'data-end';
        this.#take(data);
        continue;
      }
      const end = piece.indexOf(0x0a, at);
      this.#line += piece.toString('latin1', at, end < 0 ? piece.length : end + 1);
      if (this.#line.length > lineBytes) throw new NotHttp('a chunk’s line is too long');
      if (end < 0) return piece.length;
      at = end + 1;
      if (!/^[\t\x20-\x7e\x80-\xff]*\r\n$/.test(this.#line)) throw new NotHttp('a bad line between chunks');
      const line = this.#line.slice(0, -2);
      this.#line = '';
      this.#endLine(line);
    }
    return at;
  }

  #endLine(line: string): void {
    if (this.#state === 'data-end') {
      if (line !== '') throw new NotHttp('a chunk is longer than it says');
      this.#state = 'size';
    } else if (this.#state === 'size') {
      const size = /^([\dA-Fa-f]{1,12})[\t ]*(?:;.*)?$/.exec(line)?.[1];
      if (size === undefined) throw new NotHttp('a bad chunk size');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else {
      this.#trailers += line.length;
      if (this.#trailers > trailerBytes) throw new NotHttp('too many trailers');
      this.done = line === '';
    }
  }
}
