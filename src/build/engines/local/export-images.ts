import type { Store } from '../../../content/store.ts';
import type { Layer } from '../../../oci/descriptor.ts';
import type { CacheEntry } from '../../cache/record-source.ts';
import { RecordStore } from '../../cache/record-store.ts';
import { encodeInline, inlineField } from '../../cache/remote/inline-records.ts';
import { exportImage, type ImageRecord } from '../../export/image.ts';
import type { ImagePlan } from '../../graph/image-plan.ts';
import type { Tree } from '../../ops/tree.ts';
import type { BuildEvent, BuildResult } from '../engine.ts';
import type { OptionalPlatforms } from './optional-platforms.ts';

export interface ExportImagesOptions {
  readonly store: Store;
  /** Where it is remembered when an image was first made. */
  readonly recordDirectory: string;
  /** SOURCE_DATE_EPOCH, seconds. */
  readonly epoch: number | undefined;
  /** What the images' configs carry for `--cache-to type=inline`. */
  readonly entries: readonly CacheEntry[] | undefined;
  readonly optional: OptionalPlatforms;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: (event: BuildEvent) => void;
}

/** Writes the images of the solved plans into the store, in their order; an optional platform that has none, or whose layers cannot be packed, is left out. */
export async function exportImages(
  plans: readonly ImagePlan[],
  solved: readonly PromiseSettledResult<Tree>[],
  options: ExportImagesOptions,
): Promise<BuildResult['images']> {
  const { optional, onEvent, store, epoch, entries, signal } = options;
  const records = new RecordStore<ImageRecord>(options.recordDirectory);
  const now = Math.floor(Date.now() / 1000);
  const settled = await Promise.allSettled(
    plans.map(async (plan, position) => {
      const outcome = solved[position];
      if (outcome?.status !== 'fulfilled') throw outcome?.reason;
      const stored = await Promise.all(outcome.value.layers.map((layer) => layer.stored));
      const own = plan.history.filter((entry) => entry.node !== undefined).length;
      const layers: readonly Layer[] = stored.map(({ layer }) => layer);
      const created = stored.slice(stored.length - own).map((layer) => layer.created);
      const manifest = await exportImage(
        store,
        plan,
        { layers, created, ...(entries && { fields: { [inlineField]: encodeInline(entries, layers) } }) },
        { signal, epoch, records, now },
      );
      onEvent({ type: 'image', platform: plan.platform, manifest });
      return { platform: plan.platform, manifest };
    }),
  );
  const images = settled.flatMap((outcome, position) => {
    if (outcome.status === 'fulfilled') return [outcome.value];
    optional.leaveOut((plans[position] as ImagePlan).platform, outcome.reason);
    return [];
  });
  optional.demandAny(images.length);
  return images;
}
