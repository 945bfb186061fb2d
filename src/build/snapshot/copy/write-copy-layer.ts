import { createHash, hash as hashOnce } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { displayPath } from '../../../archive/byte-path.ts';
import { LayerWriter, type WrittenLayer } from '../../../archive/layer-writer.ts';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { SelectedEntry } from './selection.ts';

/** Files up to this size are read whole; larger ones pass through in pieces of it. */
const pieceBytes = 1024 * 1024;

/**
 * Writes a plan's layer to `path`, which must not exist; nothing is left there when it fails. CONTENT_INVALID when a file is no longer the one that was selected and hashed.
 */
export async function writeCopyLayer(
  plan: CopyPlan,
  path: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<WrittenLayer> {
  throwIfAborted(options.signal);
  const writer = await LayerWriter.create(path, options);
  try {
    for (const { header, source, digest } of plan.entries) {
      if (header.type !== 'file') await writer.add(header);
      else if (source === undefined)
        throw failure('STORE', 'pack', displayPath(header.path), 'it has content and no source');
      else if (header.size <= pieceBytes) await writer.add(header, readWhole(source, digest));
      else await writer.add(header, Readable.from(pieces(source, digest)));
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    await rm(path, { force: true });
    throw error;
  }
}

function readWhole({ tree, source, stats }: SelectedEntry, expected: Digest | undefined): Buffer {
  if (expected === undefined) return Buffer.concat([...tree.read(source, stats, pieceBytes)]);
  const bytes = tree.readAgain(source, Number(stats.size));
  assertHashed(source, expected, `sha256:${hashOnce('sha256', bytes, 'hex')}`);
  return bytes;
}

function* pieces({ tree, source, stats }: SelectedEntry, expected: Digest | undefined): Generator<Buffer> {
  const hash = createHash('sha256');
  for (const piece of tree.read(source, stats, pieceBytes)) {
    if (expected !== undefined) hash.update(piece);
    yield piece;
  }
  if (expected !== undefined) assertHashed(source, expected, finishDigest(hash));
}

function assertHashed(source: string, expected: Digest, found: Digest): void {
  if (found === expected) return;
  throw failure('CONTENT_INVALID', 'copy', displayPath(source), 'it changed after its cache key was made', {
    hint: 'run the build again',
  });
}
