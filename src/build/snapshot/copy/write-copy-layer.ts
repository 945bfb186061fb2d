import { createHash, hash as hashOnce } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { displayPath } from '../../../archive/byte-path.ts';
import { LayerWriter, type WrittenLayer } from '../../../archive/layer-writer.ts';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { RootedTree } from './rooted-tree.ts';
import type { SelectedEntry } from './select-sources.ts';

/** Files up to this size are read whole; larger ones pass through in pieces of it. */
const pieceBytes = 1024 * 1024;

/**
 * Writes a plan's layer to `path`, which must not exist; nothing is left there when it fails. `tree`: what the sources were selected from.
 * CONTENT_INVALID when a file is no longer the one that was selected and hashed.
 */
export async function writeCopyLayer(
  plan: CopyPlan,
  tree: RootedTree | undefined,
  path: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<WrittenLayer> {
  throwIfAborted(options.signal);
  const writer = await LayerWriter.create(path, options);
  try {
    for (const { header, source, digest } of plan.entries) {
      if (header.type !== 'file') await writer.add(header);
      else if (source === undefined || tree === undefined)
        throw failure('STORE', 'pack', displayPath(header.path), 'it has content and no source');
      else if (header.size <= pieceBytes) await writer.add(header, readWhole(tree, source, digest));
      else await writer.add(header, Readable.from(pieces(tree, source, digest)));
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    await rm(path, { force: true });
    throw error;
  }
}

function readWhole(tree: RootedTree, entry: SelectedEntry, expected: Digest | undefined): Buffer {
  if (expected !== undefined) {
    const bytes = tree.readAgain(entry.source, Number(entry.stats.size));
    assertHashed(entry.source, expected, `sha256:${hashOnce('sha256', bytes, 'hex')}`);
    return bytes;
  }
  const fd = tree.open(entry.source, entry.stats);
  try {
    const bytes = Buffer.allocUnsafe(Number(entry.stats.size));
    let used = 0;
    for (let count = -1; count !== 0 && used < bytes.length; used += count)
      count = readSync(fd, bytes, used, bytes.length - used, null);
    tree.assertUnchanged(entry.source, fd, entry.stats);
    return bytes.subarray(0, used);
  } finally {
    closeSync(fd);
  }
}

async function* pieces(
  tree: RootedTree,
  entry: SelectedEntry,
  expected: Digest | undefined,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const fd = tree.open(entry.source, entry.stats);
  try {
    for (;;) {
      // The reader may ask for the next piece before it is done with this one: each has its own memory.
      const piece = Buffer.allocUnsafe(pieceBytes);
      const count = readSync(fd, piece);
      if (count === 0) break;
      if (expected !== undefined) hash.update(piece.subarray(0, count));
      yield piece.subarray(0, count);
    }
    tree.assertUnchanged(entry.source, fd, entry.stats);
    if (expected !== undefined) assertHashed(entry.source, expected, finishDigest(hash));
  } finally {
    closeSync(fd);
  }
}

function assertHashed(source: string, expected: Digest, found: Digest): void {
  if (found === expected) return;
  throw failure('CONTENT_INVALID', 'copy', displayPath(source), 'it changed after its cache key was made', {
    hint: 'run the build again',
  });
}
