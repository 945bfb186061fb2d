import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { failure } from './errors.ts';
import { refuseNamedPipe, refuseSpecial } from './open-regular.ts';

/**
 * The bytes of a file that the user named. LIMIT when there are more than `limit`, whatever its size says: a pipe and a device have none, and an
 * end may never come. STORE for a FIFO or a socket, unless the process was started with it. Else fails as open(2) and read(2) do.
 */
export async function readFileWithin(path: string, limit: number): Promise<Buffer> {
  return readRegular(path, limit) ?? (await readWaiting(path, limit));
}

/** The same where somebody else chose what lies at the path: STORE for all but a regular file. */
export async function readRegularWithin(path: string, limit: number): Promise<Buffer> {
  const bytes = readRegular(path, limit);
  if (bytes !== undefined) return bytes;
  refuseSpecial(path, statSync(path));
  throw failure('CONFLICT', 'read', path, 'it changed while it was opened');
}

/**
 * A regular file is read at once: the threads that wait for others take ten times as long, and node:fs/promises has to be loaded. Undefined for
 * whatever may keep its reader waiting; a pipe is not opened for that, because its writer would see a reader come and go.
 */
function readRegular(path: string, limit: number): Buffer | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return undefined;
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    if (!status.isFile()) return undefined;
    const filling = new Filling(path, status.size, limit);
    while (filling.add(readSync(file, filling.rest)));
    return filling.bytes;
  } finally {
    closeSync(file);
  }
}

async function readWaiting(path: string, limit: number): Promise<Buffer> {
  const { open, stat } = await import('node:fs/promises');
  refuseNamedPipe(path, await stat(path));
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const filling = new Filling(path, size, limit);
    while (filling.add((await handle.read(filling.rest)).bytesRead));
    return filling.bytes;
  } finally {
    await handle.close();
  }
}

/** A buffer that grows with what is read into its rest, and holds at most `limit` bytes. */
class Filling {
  readonly #path: string;
  readonly #limit: number;
  #buffer: Buffer;
  #length = 0;

  constructor(path: string, size: number, limit: number) {
    this.#path = path;
    this.#limit = limit;
    this.#buffer = Buffer.allocUnsafe(Math.min(size, limit) + 1);
  }

  get rest(): Buffer {
    return this.#buffer.subarray(this.#length);
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** `count` bytes were read. False at the end of the file; throws LIMIT. */
  add(count: number): boolean {
    this.#length += count;
    if (this.#length > this.#limit) {
      throw failure('LIMIT', 'read', this.#path, `larger than ${this.#limit} bytes`);
    }
    if (this.#length === this.#buffer.length) {
      const longer = Buffer.allocUnsafe(Math.min(2 * this.#length, this.#limit) + 1);
      this.#buffer.copy(longer);
      this.#buffer = longer;
    }
    return count > 0;
  }
}
