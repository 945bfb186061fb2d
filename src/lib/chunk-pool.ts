import { chunkPassed } from './young-garbage.ts';

/** Bytes of a chunk: about what a busy socket holds. */
export const chunkBytes = 256 * 1024;
/** Chunks that are kept for the next reads: 4 MiB. */
const keptChunks = 16;

const free: Buffer[] = [];
const lent = new WeakSet<ArrayBufferLike>();

/** Memory to read into, warm where there is some: new pages for each read take as long as a hash. */
export function takeChunk(): Buffer {
  const chunk = free.pop() ?? newChunk();
  lent.add(chunk.buffer);
  return chunk;
}

function newChunk(): Buffer {
  chunkPassed(chunkBytes);
  return Buffer.allocUnsafeSlow(chunkBytes);
}

/** Whether `bytes` lie in a chunk of the pool that was not given back. */
export function isLent(bytes: Uint8Array): boolean {
  return lent.has(bytes.buffer);
}

/**
 * Gives the chunk back that `bytes` lie in; what is no chunk of the pool is left alone. Only for the last one who has them, when nothing reads them any more:
 * the next read overwrites them. A chunk that nobody gives back is garbage like any other.
 */
export function giveBack(bytes: Uint8Array): void {
  if (!lent.delete(bytes.buffer)) return;
  if (free.length < keptChunks) free.push(Buffer.from(bytes.buffer));
}
