import { isAttestation } from '../../content/select-manifest.ts';
import type { ResolvedDocument } from '../../content/store.ts';
import { type IndexDraft, renderIndex } from '../../index/index-draft.ts';
import type { Digest } from '../../lib/digest.ts';
import type { Platform } from '../../oci/platform.ts';
import type { NamedStore } from './index-stores.ts';

export interface WrittenEntry {
  /** As spelled; absent for what is for none. */
  readonly platform?: Platform;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly attestation: boolean;
}

export interface WrittenIndex {
  /** Where it is now, in full; in a dry run where it would be. */
  readonly references: readonly string[];
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly bytes: Buffer;
  readonly entries: readonly WrittenEntry[];
  readonly warnings: readonly string[];
}

export function writtenIndex(
  targets: readonly NamedStore[],
  { draft }: { draft: IndexDraft },
  warnings: readonly string[],
  /** Where it is laid out in another tool's way. */
  { descriptor, bytes }: ResolvedDocument = renderIndex(draft),
): WrittenIndex {
  return {
    references: targets.map((target) => target.name),
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    bytes,
    entries: writtenEntries(draft),
    warnings,
  };
}

export function writtenEntries(draft: IndexDraft): WrittenEntry[] {
  return draft.entries.map((entry) => ({
    ...(entry.platform === undefined ? {} : { platform: entry.platform }),
    digest: entry.digest,
    mediaType: entry.mediaType,
    attestation: isAttestation(entry),
  }));
}
