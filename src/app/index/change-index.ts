import { annotate, parseAnnotation } from '../../index/annotation.ts';
import {
  annotateEntry,
  appendEntries,
  changedAnnotations,
  parseEntryName,
  removeEntries,
} from '../../index/change-index.ts';
import { checkDockerList, type IndexDraft } from '../../index/index-draft.ts';
import { planCreate, planWarnings } from '../../index/plan-create.ts';
import { checkRequirements } from '../../index/requirements.ts';
import { type IndexChange, updateIndex } from '../../index/update-index.ts';
import type { Platform } from '../../oci/platform.ts';
import { type IndexOptions, parseExpected, parseRequirements } from './index-options.ts';
import { IndexStores, type NamedStore } from './index-stores.ts';
import { parseSources } from './parse-source.ts';
import { readSources } from './read-sources.ts';
import { type WrittenIndex, writtenIndex } from './written-index.ts';

/** What every command is told that changes the index a name points at now. */
export interface ChangeIndexOptions extends IndexOptions {
  readonly target: string;
  /** More names for the result, anywhere: what they lack is copied there. */
  readonly tags?: readonly string[];
  readonly require?: readonly string[];
  readonly optional?: readonly string[];
  readonly expect?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface AppendIndexOptions extends ChangeIndexOptions {
  readonly sources: readonly string[];
  readonly platform?: string | undefined;
  readonly replace?: boolean | undefined;
  readonly attestations?: boolean | undefined;
  readonly annotations?: readonly string[];
}

export interface RemoveIndexOptions extends ChangeIndexOptions {
  /** Platforms or digests. */
  readonly entries: readonly string[];
}

export interface AnnotateIndexOptions extends ChangeIndexOptions {
  /** A platform or digest; none: the index itself. */
  readonly entry?: string | undefined;
  readonly platform?: Partial<Platform> | undefined;
  readonly annotations?: readonly string[];
  readonly removeAnnotations?: readonly string[];
  readonly urls?: readonly string[] | undefined;
}

/** Adds images to an index that is there. */
export async function appendIndex(options: AppendIndexOptions): Promise<WrittenIndex> {
  const sources = parseSources(options);
  const annotations = (options.annotations ?? []).flatMap(parseAnnotation);
  return await changeIndex(options, async (draft, { stores }) => {
    const read = await readSources(stores, sources, { signal: options.signal });
    const { replace, attestations } = options;
    const added = planCreate(options.target, read.sources, { type: 'oci', replace, attestations });
    const appended = appendEntries(options.target, draft, added.draft.entries, { replace });
    return { draft: annotate(appended, annotations), children: added.children };
  });
}

/** Takes platforms out of an index, with what is said about them. */
export async function removeFromIndex(options: RemoveIndexOptions): Promise<WrittenIndex> {
  const names = options.entries.map(parseEntryName);
  return await changeIndex(options, async (draft) => ({
    draft: removeEntries(options.target, draft, names),
  }));
}

/** Changes what an index says of itself, or of one of its entries; never an entry's own bytes. */
export async function annotateIndex(options: AnnotateIndexOptions): Promise<WrittenIndex> {
  const { target, entry, platform, urls, removeAnnotations } = options;
  const annotations = (options.annotations ?? []).flatMap(parseAnnotation);
  const name = entry === undefined ? undefined : parseEntryName(entry);
  return await changeIndex(options, async (draft) => {
    if (name === undefined) {
      const kept = {
        ...draft,
        annotations: changedAnnotations(draft.annotations, undefined, removeAnnotations),
      };
      return { draft: annotate(kept, annotations) };
    }
    // Named, an entry is what plain annotations are for.
    const own = annotations.filter(({ on, platform: of }) => on === 'index' || of === undefined);
    const others = annotations.filter((annotation) => !own.includes(annotation));
    const set = own.length === 0 ? undefined : Object.fromEntries(own.map(({ key, value }) => [key, value]));
    const changed = annotateEntry(target, draft, name, {
      platform,
      urls,
      annotations: set,
      removeAnnotations,
    });
    return { draft: annotate(changed, others) };
  });
}

export interface ChangePlaces {
  readonly index: NamedStore;
  readonly stores: IndexStores;
}

export interface WarnedChange extends IndexChange {
  readonly warnings?: readonly string[];
}

/** The one way that an index is changed in place: read now, changed, checked, published unless somebody else was faster. */
export async function changeIndex(
  options: ChangeIndexOptions,
  change: (draft: IndexDraft, places: ChangePlaces) => Promise<WarnedChange>,
): Promise<WrittenIndex> {
  const { target, signal, onEvent, dryRun } = options;
  const expect = parseExpected(options.expect);
  const requirements = parseRequirements(options);
  const stores = new IndexStores(options);
  try {
    const targets = await stores.targets([target, ...(options.tags ?? [])], { dryRun });
    const [first, ...others] = targets;
    if (first === undefined) throw new RangeError('an index without a name');
    let warnings: readonly string[] = [];
    const planned = async (draft: IndexDraft): Promise<IndexChange> => {
      const { warnings: own = [], ...planned } = await change(draft, { index: first, stores });
      warnings = own;
      return planned;
    };
    const updated = await updateIndex(first, planned, {
      signal,
      onEvent,
      expect,
      dryRun,
      others,
      check: (draft) => {
        checkDockerList(
          draft,
          target,
          `polyarch index create ${target} ${target} --type oci makes an OCI index of it`,
        );
        checkRequirements(target, draft, requirements);
      },
    });
    return writtenIndex(targets, updated, [...warnings, ...planWarnings(updated.draft)], updated.after);
  } finally {
    await stores.close();
  }
}
