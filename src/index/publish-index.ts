import { contentFromBytes } from '../content/content.ts';
import { resolveIfThere } from '../content/read-manifest.ts';
import {
  canMount,
  canPushNamed,
  type IoOptions,
  type ResolvedDocument,
  type Store,
} from '../content/store.ts';
import type { Digest } from '../lib/digest.ts';
import { failure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import { type CopyEvent, copyGraphs } from '../transfer/copy-graph.ts';
import type { PlannedChild } from './plan-create.ts';
import { UnitedSource } from './united-source.ts';

/** A place and the names there that an index gets. */
export interface IndexTarget {
  /** For messages. */
  readonly name: string;
  readonly store: Store;
  readonly references: readonly string[];
}

/** What a name must point at for it to be moved: this, or nothing at all. */
export type Expected = Digest | 'none';

export interface PublishOptions extends IoOptions {
  /** Of the first target's first name. CONFLICT when it points elsewhere once all children are there. */
  readonly expect?: Expected | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

const checkedAtOnce = 8;

/**
 * Brings an index to its targets: every child first, by digest; then, when all targets have all children, the index under its names. When
 * anything fails before that, no name has moved. The bytes of children are never changed.
 */
export async function publishIndex(
  document: ResolvedDocument,
  children: readonly PlannedChild[],
  targets: readonly IndexTarget[],
  options: PublishOptions = {},
): Promise<void> {
  for (const { store } of targets) await bringChildren(children, store, options);
  await checkExpected(targets, options);
  for (const { store, references } of targets) await pushNamed(store, document, references, options);
}

export function sameRepository(a: Store, b: Store): boolean {
  return (
    a === b || (canMount(a) && canMount(b) && a.registry === b.registry && a.repository === b.repository)
  );
}

/** Has every child in `target`: looks for those of its own, mounts or copies the others. */
export async function bringChildren(
  children: readonly PlannedChild[],
  target: Store,
  options: PublishOptions,
): Promise<void> {
  const there = children.filter((child) => sameRepository(child.store, target));
  const pool = new Pool(checkedAtOnce);
  await Promise.all(
    there.filter(({ read }) => !read).map((child) => pool.run(() => checkChild(child, options))),
  );
  const others = children.filter((child) => !there.includes(child));
  if (others.length === 0) return;
  const source = new UnitedSource(others.map((child) => [child.descriptor, child.store]));
  await copyGraphs(
    source,
    target,
    others.map((child) => child.descriptor),
    {
      signal: options.signal,
      onEvent: options.onEvent,
      mountFrom: (descriptor) => (canMount(target) ? source.repositoryOf(descriptor, target.registry) : []),
    },
  );
}

/** A registry that takes an index without its children would leave pulls broken. */
async function checkChild({ descriptor, store, source }: PlannedChild, options: IoOptions): Promise<void> {
  if (await store.exists(descriptor, options)) return;
  throw failure('NOT_FOUND', 'use', source, `its index lists ${descriptor.digest}, which is not there`, {
    hint: `polyarch index lint ${source}`,
  });
}

async function checkExpected(targets: readonly IndexTarget[], options: PublishOptions): Promise<void> {
  const { expect } = options;
  const [first] = targets;
  const [reference] = first?.references ?? [];
  if (expect === undefined || first === undefined || reference === undefined) return;
  await expectReference({ name: first.name, store: first.store, reference }, expect, options);
}

/** CONFLICT when the name points at something else than what was expected. */
export async function expectReference(
  target: { name: string; store: Store; reference: string },
  expect: Expected,
  options: IoOptions = {},
): Promise<void> {
  const found = await resolveIfThere(target.store, target.reference, options);
  if ((found?.digest ?? 'none') === expect) return;
  const now = found === undefined ? 'it does not exist' : `it is ${found.digest} now`;
  const wanted = expect === 'none' ? 'was not to exist yet' : `was to be ${expect}`;
  throw failure('CONFLICT', 'publish', target.name, `the name ${wanted}, and ${now}: nothing was changed`, {
    hint: `polyarch index show ${target.name}`,
  });
}

/** Where a store takes bytes and name at once the name is never without them; elsewhere the bytes come first. */
async function pushNamed(
  store: Store,
  document: ResolvedDocument,
  references: readonly string[],
  { signal }: IoOptions,
): Promise<void> {
  if (canPushNamed(store)) {
    for (const reference of references) await store.pushNamed(document, reference, { signal });
    return;
  }
  await store.push(document.descriptor, contentFromBytes(document.bytes), { signal });
  for (const reference of references) await store.tag(document.descriptor, reference, { signal });
}
