import { contentFromBytes } from '../content/content.ts';
import { parseDocument } from '../content/document.ts';
import { resolveDocument } from '../content/read-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../content/store.ts';
import { failure, isFailure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { draftOf, type IndexDraft, renderIndex } from './index-draft.ts';
import type { PlannedChild } from './plan-create.ts';
import {
  bringChildren,
  type Expected,
  expectReference,
  type IndexTarget,
  type PublishOptions,
  publishIndex,
  sameRepository,
} from './publish-index.ts';

/** An index as it is: where, and under which one name. */
export interface NamedIndex {
  /** For messages. */
  readonly name: string;
  readonly store: Store;
  readonly reference: string;
}

/** What an index becomes, and the contents that it needs for that. */
export interface IndexChange {
  readonly draft: IndexDraft;
  /** Contents that the index's place may lack: manifests with all below them, or layers. */
  readonly children?: readonly PlannedChild[];
  /** New configs and manifests over those contents, in the order that they are pushed in. */
  readonly documents?: readonly ResolvedDocument[];
}

export interface UpdateOptions extends PublishOptions {
  /** Names that the result gets besides, anywhere. */
  readonly others?: readonly NamedIndex[] | undefined;
  /** Say what would be pushed, and push nothing. */
  readonly dryRun?: boolean | undefined;
  /** Looks at the result before it is published. */
  readonly check?: ((draft: IndexDraft) => void) | undefined;
}

export interface UpdatedIndex {
  readonly before: Descriptor;
  readonly after: ResolvedDocument;
  readonly draft: IndexDraft;
}

/** How often a change is planned anew because somebody else moved the name meanwhile. */
const maxTries = 5;

/**
 * Reads what a name points at now, changes it (what says the same afterwards keeps its bytes), and publishes it unless the name was moved meanwhile: then it is read and changed again. With
 * `expect` nothing is tried twice. A registry has no lock: between the last look and the write there is one exchange left.
 */
export async function updateIndex(
  index: NamedIndex,
  change: (draft: IndexDraft, root: ResolvedDocument) => Promise<IndexChange> | IndexChange,
  options: UpdateOptions = {},
): Promise<UpdatedIndex> {
  for (let attempt = 1; ; attempt++) {
    const root = await readIndexOf(index, options);
    const expect: Expected = options.expect ?? root.descriptor.digest;
    if (expect !== root.descriptor.digest) await expectReference(index, expect, options);
    const read = draftAt(index, root);
    const { draft, children = [], documents = [] } = await change(read, root);
    options.check?.(draft);
    const rendered = renderIndex(draft);
    // Laid out anew it would have another digest, and say the same.
    const same = renderIndex(read).descriptor.digest === rendered.descriptor.digest;
    const after = same ? root : rendered;
    try {
      if (!options.dryRun) {
        await bringChildren(children, index.store, options);
        for (const { descriptor, bytes } of documents) {
          await index.store.push(descriptor, contentFromBytes(bytes), { signal: options.signal });
        }
        const targets = targetsOf([index, ...(options.others ?? [])]);
        await publishIndex(after, entriesOf(index, draft), targets, { ...options, expect });
      }
      return { before: root.descriptor, after, draft };
    } catch (error) {
      if (!isFailure(error, 'CONFLICT') || options.expect !== undefined || attempt >= maxTries) throw error;
    }
  }
}

/** What other places need: all is in the index's own by then. */
function entriesOf(index: NamedIndex, draft: IndexDraft): PlannedChild[] {
  return draft.entries.map((descriptor) => ({
    descriptor,
    source: index.name,
    store: index.store,
    read: true,
  }));
}

/** One target a repository, with all its names. */
export function targetsOf(names: readonly NamedIndex[]): IndexTarget[] {
  const targets: (IndexTarget & { references: string[] })[] = [];
  for (const { name, store, reference } of names) {
    const known = targets.find((target) => sameRepository(target.store, store));
    if (known === undefined) targets.push({ name, store, references: [reference] });
    else known.references.push(reference);
  }
  return targets;
}

async function readIndexOf(index: NamedIndex, options: IoOptions): Promise<ResolvedDocument> {
  try {
    return await resolveDocument(index.store, index.reference, options);
  } catch (error) {
    if (!isFailure(error, 'NOT_FOUND')) throw error;
    throw failure('NOT_FOUND', 'read', index.name, 'there is no such index', {
      hint: `polyarch index create ${index.name} SOURCE… makes it`,
      cause: error,
    });
  }
}

function draftAt(index: NamedIndex, root: ResolvedDocument): IndexDraft {
  const document = parseDocument(root.bytes, index.name);
  if (document.kind === 'index') return draftOf(document.index, root.descriptor.mediaType);
  throw failure('USAGE', 'change', index.name, 'it is one image, not an index', {
    hint: `polyarch index create ${index.name} ${index.name} makes an index of it`,
  });
}
