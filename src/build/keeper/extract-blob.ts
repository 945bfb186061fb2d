import { statSync } from 'node:fs';
import { isFailure } from '../../lib/errors.ts';
import type { ExtractedFacts, LayerFormat } from './layer-jobs.ts';
import type { LayerWorkers } from './layer-workers.ts';
import type { LayerBlob } from './protocol.ts';

export interface ExtractInput {
  readonly blob: LayerBlob;
  /** Absolute, empty: the layer's files. */
  readonly directory: string;
  /** Absolute directories of the layers below, bottom first. Asking for them waits until they are extracted. */
  readonly lowers: () => Promise<readonly string[]>;
  /** Empties the directory. */
  readonly clear: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Blobs up to this size are extracted on the keeper's own thread: a worker takes longer to start. */
const inlineBytes = 4 * 1024 * 1024;

/**
 * Extracts a layer without waiting for those below. The few that need them (parents that the archive leaves out, links to files of lower layers)
 * are extracted once more on top of them.
 */
export async function extractBlob(
  input: ExtractInput,
  workers: LayerWorkers,
  format: LayerFormat,
): Promise<ExtractedFacts> {
  const { blob, directory, lowers, clear, signal } = input;
  const job = { kind: 'extract', blob: blob.path, diffId: blob.diffId, directory, format } as const;
  const inline = (statSync(blob.path, { throwIfNoEntry: false })?.size ?? 0) <= inlineBytes;
  try {
    const facts = await workers.run(job, signal, { inline });
    if (!facts.usesLowers) return facts;
  } catch (error) {
    if (!isFailure(error, 'ARCHIVE')) throw error;
    // A link to a file that only a lower layer has; what is wrong by itself is wrong on top of them too.
    if ((await lowers()).length === 0) throw error;
  }
  await clear();
  return { ...(await workers.run({ ...job, lowers: await lowers() }, signal, { inline })), usesLowers: true };
}
