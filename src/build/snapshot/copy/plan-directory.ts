import { parentOf } from '../../../archive/byte-path.ts';
import type { CopyPlan, Owner } from './copy-plan.ts';
import { LayerDraft, type LayerDraftOptions } from './layer-draft.ts';
import type { TargetView } from './target-view.ts';

export interface DirectoryOptions extends LayerDraftOptions {
  /** USER, already looked up: owns what is made. Default: root. */
  readonly owner?: Owner | undefined;
}

/** WORKDIR: the directory and its missing parents, 0755. What is there already stays, and the layer is empty when all is. */
export function planDirectory(path: string, target: TargetView, options: DirectoryOptions): CopyPlan {
  const draft = new LayerDraft(target, options);
  const { uid, gid } = options.owner ?? { uid: 0, gid: 0 };
  const directory = draft.resolve(path);
  let missing = 0;
  for (let at = directory; at !== '' && target.lookup(at) === undefined; at = parentOf(at)) missing++;
  draft.learn({ directory, missing, uid, gid });
  draft.makeDirectories(directory, { mode: 0o755, uid, gid });
  return draft.finish();
}
