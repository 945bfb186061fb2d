/**
 * The public library. Each room has a subpath of its own: `polyarch/oci`, `polyarch/content` and so on.
 */
export type { ErrorCode, FailureOptions } from './lib/errors.ts';
export { errorCodes, isFailure, PolyarchError } from './lib/errors.ts';
export { version } from './lib/version.ts';
