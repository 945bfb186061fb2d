import { annotatedBase, baseDigest, baseName } from '../../index/image/base-annotations.ts';
import { readImage } from '../../index/image/image-documents.ts';
import { rebaseImage } from '../../index/image/rebase-image.ts';
import { failure } from '../../lib/errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Location } from '../../oci/location.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { atPlatform, type InspectOptions, imageOf, type Root, withRoot } from '../inspect/open-root.ts';
import { changeImage } from './change-image.ts';

export interface RebaseOntoOptions extends InspectOptions {
  /** Default: the digest that the image's annotations name. */
  readonly oldBase?: string | undefined;
  /** Default: the name in the image's annotations. */
  readonly newBase?: string | undefined;
}

/** Swaps the base under one image, as crane does: its config stays what it is. */
export async function rebaseOnto(
  original: string,
  target: (descriptor: Descriptor) => Location,
  options: RebaseOntoOptions,
): Promise<Descriptor> {
  return await withRoot(original, options, async (root) => {
    if (isIndexType(root.descriptor.mediaType)) {
      throw failure('UNSUPPORTED', 'rebase', original, 'it is an index', {
        hint: `polyarch index rebase ${original} rebases every platform of it`,
      });
    }
    const image = await readImage(root.store, root.descriptor, options);
    const annotations = image.manifest.annotations ?? {};
    const newBase = options.newBase ?? annotations[baseName];
    const oldBase = options.oldBase ?? annotatedBase(annotations);
    if (newBase === undefined || oldBase === undefined) {
      throw failure('USAGE', 'rebase', original, 'nothing says what its old or its new base is', {
        hint: 'give --old_base and --new_base',
      });
    }
    const platform = image.config;
    const at = async (named: Root) =>
      isIndexType(named.descriptor.mediaType)
        ? await atPlatform(named, platform, options)
        : await imageOf(named, options);
    return await withRoot(oldBase, options, (oldRoot) =>
      withRoot(newBase, options, async (newRoot) => {
        const [from, onto] = [await at(oldRoot), await at(newRoot)];
        const before = await readImage(from.store, from.descriptor, options);
        const after = await readImage(onto.store, onto.descriptor, options);
        const isOci = image.manifest.mediaType?.includes('.oci.') ?? true;
        const documents = rebaseImage(image, before, after, {
          name: original,
          inherit: false,
          ...(isOci
            ? { annotations: { [baseName]: newRoot.reference, [baseDigest]: newRoot.descriptor.digest } }
            : {}),
        });
        return await changeImage(
          original,
          target,
          () => ({ documents, others: [{ store: onto.store, layers: after.manifest.layers }] }),
          options,
        );
      }),
    );
  });
}
