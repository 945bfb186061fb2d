import { digestOfValue } from '../../lib/canonical-json.ts';
import type { Digest } from '../../lib/digest.ts';
import type { BaseOp } from '../graph/op.ts';
import type { OpExecutor } from './op-executor.ts';
import { type Outcome, storedLayer } from './tree.ts';

/** A base image costs nothing until a step reads its files. */
export class BaseExecutor implements OpExecutor<BaseOp> {
  async *keys(): AsyncIterable<Digest> {}

  async exec(op: BaseOp): Promise<Outcome> {
    return {
      key: digestOfValue(op.layers.map((layer) => layer.diffId)),
      layers: op.layers.map((layer) => storedLayer(layer, 0)),
    };
  }
}
