import type { IoOptions } from '../../content/store.ts';
import type { LayerRef } from '../keeper/protocol.ts';
import type { LayerSources } from './layer-sources.ts';
import type { Tree } from './tree.ts';

/** A tree as the keeper takes it: its own directories where it made them, else the blobs' files, brought here when they are not. */
export async function treeRefs(tree: Tree, sources: LayerSources, options: IoOptions): Promise<LayerRef[]> {
  return await Promise.all(
    tree.layers.map(async ({ snapshot, stored }): Promise<LayerRef> => {
      if (snapshot !== undefined) return snapshot;
      const { layer } = await stored;
      return { kind: 'blob', path: await sources.path(layer.descriptor, options), diffId: layer.diffId };
    }),
  );
}
