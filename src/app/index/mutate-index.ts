import { attestationsOf } from '../../index/attestations.ts';
import { type ImageChanges, mutateImage } from '../../index/image/mutate-image.ts';
import { rewriteIndex } from '../../index/rewrite-index.ts';
import { parsePlatformList } from '../../oci/platform-list.ts';
import { type ChangeIndexOptions, changeIndex } from './change-index.ts';
import type { WrittenIndex } from './written-index.ts';

export interface MutateIndexOptions extends ChangeIndexOptions {
  readonly changes: ImageChanges;
  /** Only images of these platforms; default all. */
  readonly platforms?: readonly string[];
  /** Default true: attestations are about the changed images then, and a warning says that they were made of others. */
  readonly attestations?: boolean | undefined;
}

/** Changes the configs of an index's images, of all platforms or of some; layers stay as they are. */
export async function mutateIndex(options: MutateIndexOptions): Promise<WrittenIndex> {
  const { target, changes, signal } = options;
  const platforms = parsePlatformList(options.platforms ?? []);
  return await changeIndex(options, async (draft, { index }) => {
    const rewritten = await rewriteIndex(target, index.store, draft, (image) => mutateImage(image, changes), {
      signal,
      platforms: platforms.length === 0 ? undefined : platforms,
      attestations: options.attestations === false ? 'drop' : 'repoint',
    });
    const moved = rewritten.rewritten
      .filter(({ before, after }) => before !== after)
      .flatMap(({ before }) => attestationsOf(draft.entries, before));
    const warnings =
      moved.length > 0 && options.attestations !== false
        ? [
            `${moved.length} attestations point at the changed images; what they state names the images as they were: --no-attestations leaves them out`,
          ]
        : [];
    return { ...rewritten, warnings };
  });
}
