import type { CopyPlan } from '../snapshot/copy/copy-plan.ts';
import type { WriteCopyOptions } from '../snapshot/copy/write-copy-layer.ts';
import type { LayerIntake } from './layer-intake.ts';
import { storedLayer, type TreeLayer } from './tree.ts';

/** Writes a planned layer into a temporary file of the store and takes it over from there. */
export async function layerFromPlan(
  plan: CopyPlan,
  intake: LayerIntake,
  options: WriteCopyOptions,
): Promise<TreeLayer> {
  const { writeCopyLayer } = await import('../snapshot/copy/write-copy-layer.ts');
  const path = intake.temporaryPath();
  const written = await writeCopyLayer(plan, path, options);
  return storedLayer(await intake.takeWritten(path, written), Math.floor(Date.now() / 1000));
}
