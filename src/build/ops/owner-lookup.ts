import type { KeeperClient } from '../keeper/keeper-client.ts';
import { ownerOfNumbers } from '../sandbox/accounts.ts';
import type { Owner } from '../snapshot/copy/copy-plan.ts';
import type { SolveOptions } from '../solver/vertex.ts';
import type { LayerSources } from './layer-sources.ts';
import type { Tree } from './tree.ts';
import { treeRefs } from './tree-refs.ts';

/**
 * Ids that `user[:group]` says by itself; undefined where they are the tree's. `root` is 0:0 without a look: every build with `USER root`
 * would start the keeper for it.
 */
export function ownerWithoutTree(text: string): Owner | undefined {
  if (text === 'root' || text === 'root:root') return { uid: 0, gid: 0 };
  return ownerOfNumbers(text);
}

/** Ids behind `user[:group]`; names are looked up in the tree's own accounts, which is the keeper's work. */
export async function lookUpOwner(
  text: string | undefined,
  tree: Tree,
  using: { keeper: () => Promise<KeeperClient>; sources: LayerSources },
  { signal }: SolveOptions,
): Promise<Owner | undefined> {
  if (text === undefined || text === '') return undefined;
  const known = ownerWithoutTree(text);
  if (known !== undefined) return known;
  const keeper = await using.keeper();
  return await keeper.owner(
    { tree: await treeRefs(tree, using.sources, { signal }), owner: text },
    { signal },
  );
}
