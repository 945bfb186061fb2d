import { createHash, hash as hashOnce } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { displayPath } from '../../../archive/byte-path.ts';
import { LayerWriter, type WrittenLayer } from '../../../archive/layer-writer.ts';
import { type Digest, finishDigest } from '../../../lib/digest.ts';
import { failure, throwIfAborted } from '../../../lib/errors.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { SelectedEntry } from './selected-entry.ts';

/** Files up to this size are read whole; larger ones pass through in pieces of it. */
const pieceBytes = 1024 * 1024;

export interface WriteCopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** What files' bytes were when the cache key was made: they are held to it. Default: to what the plan says, if anything. */
  readonly expected?: ReadonlyMap<SelectedEntry, Digest> | undefined;
  /** Gets the digest of each file that is read and was not hashed before. Default: such files are not hashed. */
  readonly hashed?: Map<SelectedEntry, Digest> | undefined;
}

/**
 * Writes a plan's layer to `path`, which must not exist; nothing is left there when it fails. CONTENT_INVALID when a file is no longer the one that was selected and hashed.
 */
export async function writeCopyLayer(
  plan: CopyPlan,
  path: string,
  options: WriteCopyOptions = {},
): Promise<WrittenLayer> {
  throwIfAborted(options.signal);
  const writer = await LayerWriter.create(path, options);
  try {
    for (const { header, source, digest } of plan.entries) {
      if (header.type !== 'file') await writer.add(header);
      else if (source === undefined)
        throw failure('STORE', 'pack', displayPath(header.path), 'it has content and no source');
      else {
        const expected = digest ?? options.expected?.get(source);
        const isSmall = header.size <= pieceBytes;
        const content = isSmall
          ? readWhole(source, expected, options)
          : Readable.from(pieces(source, expected, options));
        await writer.add(header, content);
      }
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    await rm(path, { force: true });
    throw error;
  }
}

function readWhole(entry: SelectedEntry, expected: Digest | undefined, { hashed }: WriteCopyOptions): Buffer {
  const { tree, source, stats } = entry;
  if (expected === undefined) {
    const read = [...tree.read(source, stats, pieceBytes)];
    const bytes = read.length === 1 ? (read[0] as Buffer) : Buffer.concat(read);
    hashed?.set(entry, `sha256:${hashOnce('sha256', bytes, 'hex')}`);
    return bytes;
  }
  const bytes = tree.readAgain(source, stats.size);
  assertHashed(source, expected, `sha256:${hashOnce('sha256', bytes, 'hex')}`);
  return bytes;
}

function* pieces(
  entry: SelectedEntry,
  expected: Digest | undefined,
  { hashed }: WriteCopyOptions,
): Generator<Buffer> {
  const { tree, source, stats } = entry;
  const hash = expected === undefined && hashed === undefined ? undefined : createHash('sha256');
  for (const piece of tree.read(source, stats, pieceBytes)) {
    hash?.update(piece);
    yield piece;
  }
  if (hash === undefined) return;
  const digest = finishDigest(hash);
  if (expected === undefined) hashed?.set(entry, digest);
  else assertHashed(source, expected, digest);
}

function assertHashed(source: string, expected: Digest, found: Digest): void {
  if (found === expected) return;
  throw failure('CONTENT_INVALID', 'copy', displayPath(source), 'it changed after its cache key was made', {
    hint: 'run the build again',
  });
}
