import type { Platform } from '../../oci/platform.ts';
import type { ManifestFamily } from '../../transfer/rewrite/docker-types.ts';
import type { LayerCompression } from '../../transfer/rewrite/recompress.ts';

/** How an image is changed on its way. Nothing said: not at all, and its digest is the same. */
export interface Changes {
  /** These platforms only. Default: all. */
  readonly platforms?: readonly Platform[] | undefined;
  /** With `platforms`: the index keeps its digest and goes on naming the platforms that stay behind. */
  readonly sparse?: boolean | undefined;
  /** The manifest of one platform in place of the index. Not with `platforms`. */
  readonly only?: Platform | undefined;
  /** The index alone: what it names stays behind. */
  readonly indexOnly?: boolean | undefined;
  readonly type?: ManifestFamily | undefined;
  /** Of layers that have none; with `forceCompression` of every layer. */
  readonly compression?: LayerCompression | undefined;
  readonly forceCompression?: boolean | undefined;
}

/** Whether there is something to change. */
export function changesNothing({ platforms, only, indexOnly, type, compression }: Changes): boolean {
  return !platforms?.length && !only && !indexOnly && type === undefined && compression === undefined;
}
