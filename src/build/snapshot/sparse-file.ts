import { ftruncateSync, writeSync } from 'node:fs';

/** A block of most file systems: what is smaller is never a hole. */
const blockBytes = 4096;
const zeros = Buffer.alloc(64 * 1024);

/** Writes a new file from its start on, and leaves out what is zero: ten gigabytes of zeros, a few kilobytes in a layer, take no room here either. */
export class SparseFile {
  readonly fd: number;
  #position = 0;
  #endsInHole = false;

  /** `fd`: open for writing, empty. Whoever opened it closes it. */
  constructor(fd: number) {
    this.fd = fd;
  }

  write(bytes: Buffer): void {
    this.#endsInHole = bytes.length >= blockBytes && isZero(bytes);
    if (!this.#endsInHole) {
      for (let at = 0; at < bytes.length; )
        at += writeSync(this.fd, bytes, at, bytes.length - at, this.#position + at);
    }
    this.#position += bytes.length;
  }

  finish(): void {
    if (this.#endsInHole) ftruncateSync(this.fd, this.#position);
  }
}

function isZero(bytes: Buffer): boolean {
  // Most are not, and show it at their ends.
  if (bytes[0] !== 0 || bytes.at(-1) !== 0) return false;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const end = Math.min(at + zeros.length, bytes.length);
    if (bytes.compare(zeros, 0, end - at, at, end) !== 0) return false;
  }
  return true;
}
