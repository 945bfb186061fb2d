import { once } from 'node:events';

/** Pieces are joined up to this before they are written: a write each would cost more than what makes them. */
const batchLength = 64 * 1024;

/** Writes to standard output no faster than it takes; stops quietly when whoever reads has seen enough. */
export async function writeOutput(pieces: Iterable<string>): Promise<void> {
  const { stdout } = process;
  let batch = '';
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < batchLength) continue;
    if (!stdout.write(batch)) await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]);
    batch = '';
    if (stdout.destroyed) return;
  }
  stdout.write(batch);
}
