import type { FileHandle } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { failure, PolyarchError, reasonOf, throwIfAborted } from '../lib/errors.ts';
import { openRegular } from '../lib/open-regular.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Content, canReadRange, type IoOptions, type Store } from './store.ts';

/** How much of a file one read takes: large enough that hashing and copying dominate, not the calls. */
export const fileChunkBytes = 256 * 1024;

/** Bytes in memory: manifests, configs, small layers. */
export function contentFromBytes(bytes: Uint8Array | string): Content {
  const whole =
    typeof bytes === 'string'
      ? Buffer.from(bytes)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    open: async (offset = 0) => readableOf(whole.subarray(offset)),
  };
}

/** One chunk, no object-mode iterator. */
export function readableOf(bytes: Uint8Array): Readable {
  return new Readable({
    read() {
      if (bytes.length > 0) this.push(bytes);
      this.push(null);
    },
  });
}

/** A file that does not change while it is pushed. NOT_FOUND or STORE when it cannot be opened. */
export function contentFromFile(path: string): Content {
  return {
    async open(offset = 0, options: IoOptions = {}) {
      throwIfAborted(options.signal);
      let handle: FileHandle;
      try {
        handle = await openRegular(path);
      } catch (error) {
        if (error instanceof PolyarchError) throw error;
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        throw failure(missing ? 'NOT_FOUND' : 'STORE', 'read', path, reasonOf(error), { cause: error });
      }
      return handle.createReadStream({ start: offset, highWaterMark: fileChunkBytes });
    },
  };
}

/**
 * What another store has. From an offset on it is read by range where the store can; else the first bytes are read and dropped, still
 * verified.
 */
export function contentFrom(store: Store, descriptor: Descriptor): Content {
  return {
    async open(offset = 0, options: IoOptions = {}) {
      if (offset === 0) return await store.fetch(descriptor, options);
      if (canReadRange(store)) {
        return await store.fetchRange(descriptor, offset, descriptor.size - offset, options);
      }
      const whole = await store.fetch(descriptor, options);
      const rest = skip(offset);
      whole.on('error', (error) => rest.destroy(error));
      rest.on('close', () => whole.destroy());
      return whole.pipe(rest);
    },
  };
}

/** A stream that can be read once: a second open, or one from an offset, is an error that may not be retried. */
export function contentFromStream(stream: Readable): Content {
  let opened = false;
  return {
    async open(offset = 0) {
      if (opened || offset !== 0)
        throw failure('STORE', 'read', 'stream', 'it was read already and cannot be read again');
      opened = true;
      return stream;
    },
  };
}

function skip(bytes: number): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const rest = left >= chunk.length ? undefined : chunk.subarray(left);
      left -= chunk.length - (rest?.length ?? 0);
      if (rest) this.push(rest);
      done();
    },
  });
}
