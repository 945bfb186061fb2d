import type { KeeperClient } from '../keeper/keeper-client.ts';
import type { Owner } from '../snapshot/copy/copy-plan.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { LayerSources } from './layer-sources.ts';
import type { Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

/**
 * Ids behind `user[:group]`. Numbers need no look into the tree: one alone is the group too. Names are looked up in the tree's own accounts,
 * which is the keeper's work.
 */
export async function lookUpOwner(
  text: string | undefined,
  tree: Tree,
  using: { keeper: () => Promise<KeeperClient>; sources: LayerSources },
  { signal }: SolveOptions,
): Promise<Owner | undefined> {
  if (text === undefined || text === '') return undefined;
  const numbers = /^([0-9]{1,10})(?::([0-9]{1,10}))?$/.exec(text);
  if (numbers) return { uid: Number(numbers[1]), gid: Number(numbers[2] ?? numbers[1]) };
  if (text === 'root' || text === 'root:root') return { uid: 0, gid: 0 };
  const keeper = await using.keeper();
  return await keeper.owner(
    { tree: await treeRefs(tree, using.sources, { signal }), owner: text },
    { signal },
  );
}
