import type { Digest } from '../../lib/digest.ts';
import type { ContainerConfig, History } from '../../oci/manifest.ts';

/** SBOM and provenance of one image: a manifest whose layers are in-toto statements (BuildKit, attestation-storage.md). */
export interface InspectedAttestation {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Config and layers together. Absent, with `predicates` empty, when the store lacks the manifest. */
  readonly size?: number;
  /** In-toto predicate types, one a layer: `https://spdx.dev/Document`, `https://slsa.dev/provenance/v1`. */
  readonly predicates: readonly string[];
  /** What it says that it is about; not in this index when it is dangling. */
  readonly about?: string;
}

/** Sizes are bytes as stored, compressed. */
export interface InspectedPlatform {
  /** `linux/arm64/v8`, as the index spells it; absent when it names none. */
  readonly platform?: string;
  readonly osVersion?: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Config and layers together: what a pull downloads. Absent, as `layers` is, for an entry that is no manifest or is missing. */
  readonly size?: number;
  readonly layers?: number;
  /** The index names it and the store does not have it. */
  readonly missing?: true;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The index's attestations that are about this one. */
  readonly attestations: readonly InspectedAttestation[];
}

export interface InspectedIndex {
  readonly kind: 'index';
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Of the index itself. */
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platforms: readonly InspectedPlatform[];
  /** Attestations that are about nothing in this index. */
  readonly dangling: readonly InspectedAttestation[];
}

export interface InspectedLayer {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface InspectedManifest {
  readonly kind: 'manifest';
  readonly reference: string;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Config and layers together: what a pull downloads. */
  readonly size: number;
  readonly artifactType?: string;
  /** What it refers to, when it is a referrer. */
  readonly subject?: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly config: InspectedLayer;
  readonly layers: readonly InspectedLayer[];
  /** Absent when the manifest is an artifact's, not an image's. */
  readonly image?: {
    readonly platform: string;
    readonly osVersion?: string;
    readonly created?: string;
    readonly author?: string;
    readonly config: ContainerConfig;
    readonly history: readonly History[];
  };
}

export type Inspected = InspectedIndex | InspectedManifest;
