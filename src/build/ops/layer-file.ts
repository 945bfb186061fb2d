import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WrittenLayer } from '../../archive/layer-writer.ts';
import { writeTocFile } from '../../archive/toc.ts';
import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import type { RootedTree } from '../snapshot/copy/rooted-tree.ts';
import { writeCopyLayer } from '../snapshot/copy/write-copy-layer.ts';
import type { LayerIntake } from './layer-intake.ts';
import { storedLayer, type TreeLayer } from './tree.ts';

/** Writes a planned layer into a temporary file of the store and takes it over from there. */
export async function layerFromPlan(
  plan: CopyPlan,
  tree: RootedTree | undefined,
  intake: LayerIntake,
  options: { signal: AbortSignal; now: number },
): Promise<TreeLayer> {
  const path = intake.temporaryPath();
  const written: WrittenLayer = await writeCopyLayer(plan, tree, path, options);
  const toc = intake.tocPath(written.diffId);
  await mkdir(join(toc, '..'), { recursive: true });
  await writeTocFile(toc, written.toc);
  const layer = await intake.adopt(path, written);
  return storedLayer(layer, options.now);
}
