import type { Store } from '../../../content/store.ts';
import type { BaseImage } from '../../frontend/plan-request.ts';

/** A base image with the place that its blobs can be read from. */
export interface FoundBase extends BaseImage {
  readonly store: Store;
  /** Where the registry has it: what a push may mount from. */
  readonly origin?: { readonly registry: string; readonly repository: string };
}
