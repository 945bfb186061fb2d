import { isAttestation } from '../../content/select-manifest.ts';
import { type IndexFacts, readIndexFacts } from '../../index/lint/index-facts.ts';
import { fixIndex, lintIndex as runRules } from '../../index/lint/lint-index.ts';
import type { LintFinding } from '../../index/lint/lint-rule.ts';
import { failure } from '../../lib/errors.ts';
import { parseLocation } from '../../oci/location.ts';
import { type ChangeIndexOptions, changeIndex } from './change-index.ts';
import type { IndexOptions } from './index-options.ts';
import { IndexStores, type NamedStore } from './index-stores.ts';
import type { WrittenIndex } from './written-index.ts';

export interface LintedIndex {
  readonly reference: string;
  readonly findings: readonly LintFinding[];
}

export interface FixedIndex extends LintedIndex {
  /** What was mended; `findings` is what is left. */
  readonly fixed: readonly LintFinding[];
  /** Absent when there was nothing to mend. */
  readonly written?: WrittenIndex;
}

/** Holds an index against every rule: its document, every child's manifest and every image's config. */
export async function lintIndex(reference: string, options: IndexOptions = {}): Promise<LintedIndex> {
  const stores = new IndexStores(options);
  try {
    const place = await stores.source(parseLocation(reference));
    return { reference: place.name, findings: runRules(await facts(place, options)) };
  } finally {
    await stores.close();
  }
}

/** Mends what can be mended, and publishes the result under the same name; nothing is written when nothing can. Entries' bytes are never changed. */
export async function fixIndexAt(options: ChangeIndexOptions): Promise<FixedIndex> {
  const before = await lintIndex(options.target, options);
  if (!before.findings.some((finding) => finding.fixable)) return { ...before, fixed: [] };
  let result: Omit<FixedIndex, 'written'> = { ...before, fixed: [] };
  const written = await changeIndex(options, async (_draft, { index }) => {
    const { draft, fixed, left } = fixIndex(await facts(index, options));
    if (!draft.entries.some((entry) => !isAttestation(entry))) {
      throw failure('USAGE', 'mend', options.target, 'no image would be left', {
        hint: 'polyarch index create makes it anew',
      });
    }
    result = { reference: index.name, fixed, findings: left };
    return { draft };
  });
  return { ...result, written };
}

function facts({ name, store, reference }: NamedStore, options: IndexOptions): Promise<IndexFacts> {
  return readIndexFacts({ name, store, reference }, { signal: options.signal });
}
