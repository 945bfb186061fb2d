/** `polyarch/oci`: descriptors, manifests, configs, platforms and references; no I/O. */
export type { Digest, DigestAlgorithm } from '../lib/digest.ts';
export { digestOf, isDigest, parseDigest } from '../lib/digest.ts';
export type { Descriptor, Layer } from './descriptor.ts';
export type { ContainerConfig, Healthcheck, History, ImageConfig, Index, Manifest } from './manifest.ts';
export { maxMetadataBytes } from './manifest.ts';
export { matchPlatforms } from './match-platforms.ts';
export { isIndexType, isLayerType, isManifestType, mediaTypes } from './media-types.ts';
export type { Platform } from './platform.ts';
export {
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformsEqual,
} from './platform.ts';
export type { Reference } from './reference.ts';
export { familiarReference, formatReference, parseReference, withDefaultTag } from './reference.ts';
