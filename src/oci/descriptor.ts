import type { Digest } from '../lib/digest.ts';
import type { Platform } from './platform.ts';

/** A pointer to content (OCI image-spec, descriptor.md). `size` in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly urls?: readonly string[];
  /** The content itself, base64. */
  readonly data?: string;
}

/** A layer as the rest of the program passes it: `diffId` is the digest of the uncompressed tar. */
export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}
