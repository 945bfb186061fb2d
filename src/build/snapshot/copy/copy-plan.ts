import type { EntryHeader } from '../../../archive/entry.ts';
import type { Digest } from '../../../lib/digest.ts';
import type { SelectedEntry } from './selected-entry.ts';

/** One entry of the layer that a COPY makes. */
export interface PlannedEntry {
  readonly header: EntryHeader;
  /** The file that the content is read from; only files have one. */
  readonly source?: SelectedEntry;
  /** What the source's bytes are, where an archive that was read says it; the writer holds them to it. */
  readonly digest?: Digest;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The layer that a COPY, ADD or WORKDIR makes, before a byte of it is written. */
export interface CopyPlan {
  /** A directory before what is in it, names in byte order. */
  readonly entries: readonly PlannedEntry[];
  /**
   * Canonical JSON of all that was learnt of the target and shows in the layer, times left out: with the selection's digest and the op it
   * makes a key that is good on any target of the same facts.
   */
  readonly facts: string;
}
