import type { Readable } from 'node:stream';
import type { Content, IoOptions } from '../../../content/store.ts';

/** Reads content in pieces of given sizes, which stay in memory until they have arrived; opens it again only to go back. */
export class ChunkReader {
  readonly #content: Content;
  readonly #options: IoOptions;
  #stream: Readable | undefined;
  #iterator: AsyncIterator<Buffer> | undefined;
  /** Where the next byte comes from that `#rest` does not have. */
  #position = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(content: Content, options: IoOptions) {
    this.#content = content;
    this.#options = options;
  }

  /** `length` bytes from `offset` on; fewer when the content ends before. */
  async read(offset: number, length: number): Promise<Buffer> {
    if (this.#iterator === undefined || offset !== this.#position - this.#rest.length)
      await this.#open(offset);
    const pieces = [this.#rest];
    let size = this.#rest.length;
    while (size < length) {
      const next = await this.#iterator?.next();
      if (next === undefined || next.done) break;
      pieces.push(next.value);
      size += next.value.length;
      this.#position += next.value.length;
    }
    const all = Buffer.concat(pieces, size);
    this.#rest = all.subarray(Math.min(length, size));
    return all.subarray(0, length);
  }

  close(): void {
    this.#stream?.destroy();
  }

  async #open(offset: number): Promise<void> {
    this.close();
    this.#stream = await this.#content.open(offset, this.#options);
    this.#stream.on('error', () => {});
    this.#iterator = (this.#stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    this.#position = offset;
    this.#rest = Buffer.alloc(0);
  }
}
