import type { Digest } from '../../lib/digest.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Platform } from '../../oci/platform.ts';

/**
 * What the main process asks of the keeper. Bytes cross by path, never by stream: the keeper reads blobs from the store's files and
 * writes packed layers to files that the main process then takes into the store.
 */

/** A layer by its blob: extracted when a request first needs its directory. */
export interface LayerBlob {
  readonly kind: 'blob';
  readonly path: string;
  readonly diffId: Digest;
}

/** A layer that the keeper made itself in this build (a RUN's upper directory), possibly not packed yet. */
export interface LayerSnapshot {
  readonly kind: 'snapshot';
  readonly id: string;
}

export type LayerRef = LayerBlob | LayerSnapshot;

/** A root file system: bottom layer first. */
export type Tree = readonly LayerRef[];

export interface RunRequest {
  readonly tree: Tree;
  readonly platform: Platform;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  /** `user[:group]`, looked up in the tree's /etc/passwd and /etc/group; empty for root. */
  readonly user: string;
  readonly network: 'host' | 'none';
  readonly hostname: string;
}

export interface RunResponse {
  readonly exitCode: number;
  /** The upper directory; there only when exitCode is 0. */
  readonly snapshot?: LayerSnapshot;
}

export interface PackRequest {
  readonly snapshot: LayerSnapshot;
  /** Clamp for modification times (SOURCE_DATE_EPOCH), seconds. */
  readonly epoch?: number;
}

/** Sources of a COPY --from in `from`, onto the tree that `target` describes. */
export interface CopyRequest {
  readonly from: Tree;
  /** Paths of the table-of-contents files of the target's layers, bottom first. */
  readonly target: readonly string[];
  readonly sources: readonly string[];
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly epoch?: number;
}

/** A layer in a file: the main process renames it into the store. */
export interface PackedLayer {
  readonly path: string;
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** File with the layer's table of contents. */
  readonly toc: string;
}
