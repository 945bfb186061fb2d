import { closeSync, createReadStream, readSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { LayerWriter, type WrittenLayer } from '../../../archive/layer-writer.ts';
import { failure } from '../../../lib/errors.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { RootedTree } from './rooted-tree.ts';
import type { SelectedEntry } from './select-sources.ts';

/** Files up to this size are read whole, synchronously: for small ones that is several times faster than a stream. */
const wholeFileBytes = 256 * 1024;

/** Writes a plan's layer to `path`, which must not exist; nothing is left there when it fails. */
export async function writeCopyLayer(
  plan: CopyPlan,
  tree: RootedTree | undefined,
  path: string,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<WrittenLayer> {
  const writer = await LayerWriter.create(path, options);
  try {
    for (const { header, source } of plan.entries) {
      if (source === undefined || header.size === 0) await writer.add(header);
      else if (tree === undefined)
        throw failure('STORE', 'pack', header.path, 'it has content and no source');
      else await addFile(writer, header, source, tree);
    }
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    await rm(path, { force: true });
    throw error;
  }
}

async function addFile(
  writer: LayerWriter,
  header: Parameters<LayerWriter['add']>[0],
  source: SelectedEntry,
  tree: RootedTree,
): Promise<void> {
  const fd = tree.open(source.source, source.stats);
  try {
    if (header.size <= wholeFileBytes) {
      const bytes = Buffer.allocUnsafe(header.size);
      let filled = 0;
      for (let count = 1; count > 0 && filled < bytes.length; filled += count)
        count = readSync(fd, bytes, filled, bytes.length - filled, null);
      await writer.add(header, bytes.subarray(0, filled));
    } else {
      await writer.add(
        header,
        createReadStream('', { fd, autoClose: false, end: header.size - 1, highWaterMark: wholeFileBytes }),
      );
    }
    // The layer must hold what its cache key was made of.
    tree.assertUnchanged(source.source, fd, source.stats);
  } finally {
    closeSync(fd);
  }
}
