import type { Digest } from '../../lib/digest.ts';
import type { Layer } from '../../oci/descriptor.ts';
import type { LayerSnapshot } from '../keeper/protocol.ts';

/** A layer whose blob is in the local store or can be brought there. */
export interface StoredLayer {
  readonly layer: Layer;
  /** When it was first made, seconds since 1970. */
  readonly created: number;
}

/** One layer of a tree in this build. */
export interface TreeLayer {
  /** Settles when the layer is packed: dependents that need only its files do not wait for it. */
  readonly stored: Promise<StoredLayer>;
  /** The keeper's directory, when this build made it with a RUN. */
  readonly snapshot?: LayerSnapshot;
}

/** What an op makes: a base image's layers, or the one layer that it adds. */
export interface Outcome {
  /** Dependents' cache keys are made of it: equal content has equal keys. */
  readonly key: Digest;
  readonly layers: readonly TreeLayer[];
  /** Keys that became known while it was made: it is found by them too. */
  readonly aliases?: readonly Digest[];
}

/** The file tree that dependents see: bottom layer first. */
export interface Tree {
  readonly key: Digest;
  readonly layers: readonly TreeLayer[];
}

/** A layer that exists already. */
export function storedLayer(layer: Layer, created: number): TreeLayer {
  return { stored: Promise.resolve({ layer, created }) };
}
