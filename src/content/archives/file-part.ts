import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { failure } from '../../lib/errors.ts';
import { fileChunkBytes } from '../content.ts';

/**
 * `size` bytes of an open file from `start` on. Several may read one handle at once, and none of them closes it (fs.ReadStream does when it is
 * destroyed). ARCHIVE when the file ends before.
 */
export class FilePart extends Readable {
  readonly #handle: FileHandle;
  #at: number;
  readonly #end: number;

  constructor(handle: FileHandle, start: number, size: number) {
    super({ highWaterMark: fileChunkBytes });
    this.#handle = handle;
    this.#at = start;
    this.#end = start + size;
  }

  override _read(): void {
    const size = Math.min(fileChunkBytes, this.#end - this.#at);
    if (size <= 0) {
      this.push(null);
      return;
    }
    const chunk = Buffer.allocUnsafe(size);
    this.#handle.read(chunk, 0, size, this.#at).then(
      ({ bytesRead }) => {
        if (bytesRead === 0) {
          this.destroy(failure('ARCHIVE', 'read', 'archive', 'it became shorter while it was read'));
          return;
        }
        this.#at += bytesRead;
        this.push(chunk.subarray(0, bytesRead));
      },
      (error: Error) => this.destroy(error),
    );
  }
}
