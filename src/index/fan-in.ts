import { parseDocument } from '../content/document.ts';
import { resolveDocument } from '../content/read-manifest.ts';
import { isAttestation } from '../content/select-manifest.ts';
import type { IoOptions, ResolvedDocument, Store } from '../content/store.ts';
import { failure, isFailure } from '../lib/errors.ts';
import { Pool } from '../lib/pool.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../oci/platform.ts';
import { draftOf, type IndexDraft, renderIndex } from './index-draft.ts';
import { type ChosenSource, type IndexPlan, type PlanCreateOptions, planCreate } from './plan-create.ts';
import { type IndexTarget, type PublishOptions, publishIndex } from './publish-index.ts';
import { missingPlatforms } from './requirements.ts';

/** Annotation of a registration: which fan-in it belongs to. A tag alone could be anybody's. */
const keyAnnotation = 'org.polyarch.fan-in.key';
const tagPrefix = 'fan-in';
const maxTagLength = 128;

export interface FanIn {
  /** What the jobs of one run share: a pipeline's number, a commit. Registrations are in the first target's repository. */
  readonly key: string;
  /** All of these complete the set. */
  readonly require: readonly Platform[];
  /** These are taken when they are there; one that comes later writes the index again. */
  readonly optional?: readonly Platform[] | undefined;
}

export interface FanInOptions extends PublishOptions {
  /** Of the index, once it is written. */
  readonly plan?: PlanCreateOptions | undefined;
}

export interface FanInResult {
  /** Platforms that this job brought. */
  readonly registered: readonly Platform[];
  readonly missing: readonly Platform[];
  /** The index, if the set is complete: written by this job, or by another with the same bytes. */
  readonly plan?: IndexPlan;
}

/** How often the index is written again because a registration changed while it was written. */
const maxRounds = 10;
const readAtOnce = 8;

/** The tag under which a platform waits for the others; all os.versions of it together. USAGE when the key is none that a tag can hold. */
export function registrationTag(key: string, platform: Platform): string {
  const normal = normalizePlatform(platform);
  const version = platform['os.version'];
  const words = [
    tagPrefix,
    key,
    ...formatPlatform(normal).split('/'),
    ...(version === undefined ? [] : [version]),
  ];
  const tag = words.join('-');
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(key) || tag.length > maxTagLength || !/^[\w.-]+$/.test(tag)) {
    throw failure('USAGE', 'use --fan-in', key.slice(0, 200), 'not a key that a tag can hold', {
      hint: 'letters, digits, ".", "_" and "-", up to 80: --fan-in "$GITHUB_RUN_ID"',
    });
  }
  return tag;
}

/**
 * One job's part of an index that several jobs bring together, without anybody who waits for them: it registers its platforms in the target's
 * repository, each under a tag of its own, then looks who else has. Who sees the set complete writes the index from the registrations alone, so
 * that two who finish at once write the same bytes. After it wrote it looks again: a registration that changed meanwhile (a retried job) makes it
 * write again, so that the last writer's index holds the last registrations.
 */
export async function fanIn(
  targets: readonly [IndexTarget, ...IndexTarget[]],
  sources: readonly ChosenSource[],
  set: FanIn,
  options: FanInOptions = {},
): Promise<FanInResult> {
  const [target] = targets;
  const wanted = [...set.require, ...(set.optional ?? [])];
  const tags = wanted.map((platform) => registrationTag(set.key, platform));
  const registered = await register(target, sources, set, options);
  for (let round = 1; ; round++) {
    const found = await readRegistrations(target, tags, set, options);
    const together = merged(found);
    const missing = missingPlatforms(together, set.require);
    if (missing.length > 0) return { registered, missing };
    const plan = planCreate(target.name, found.map(sourceOf(target)), options.plan);
    const document = renderIndex(plan.draft);
    await publishIndex(document, plan.children, targets, options);
    const again = await readRegistrations(target, tags, set, options);
    if (sameRegistrations(found, again)) return { registered, missing: [], plan };
    if (round >= maxRounds) {
      throw failure(
        'CONFLICT',
        'publish',
        target.name,
        `its registrations changed ${maxRounds} times while it was written`,
        {
          hint: 'run this job again',
        },
      );
    }
  }
}

/** A registration that was read: its tag, and what it points at. */
interface Registration {
  readonly tag: string;
  readonly document: ResolvedDocument;
  readonly draft: IndexDraft;
}

/** Each platform of the sources becomes an index of its own with its attestations: what keeps them all alive until they are needed. */
async function register(
  target: IndexTarget,
  sources: readonly ChosenSource[],
  set: FanIn,
  options: FanInOptions,
): Promise<Platform[]> {
  const allowed = [...set.require, ...(set.optional ?? [])].map((platform) =>
    registrationTag(set.key, platform),
  );
  const plan: PlanCreateOptions = { ...options.plan, type: 'oci', annotations: [], subject: undefined };
  const whole = planCreate(target.name, sources, plan);
  const platforms = whole.draft.entries.flatMap((entry) =>
    isAttestation(entry) || entry.platform === undefined ? [] : [entry.platform],
  );
  for (const [tag, only] of Map.groupBy(platforms, (platform) => registrationTag(set.key, platform))) {
    const [platform] = only as [Platform, ...Platform[]];
    if (!allowed.includes(tag)) {
      throw failure('USAGE', 'register', formatPlatform(platform), 'it is neither required nor optional', {
        hint: `--require ${[...set.require, platform].map(formatPlatform).join(',')}`,
      });
    }
    const own = planCreate(target.name, sources, { ...plan, only });
    // A tag of that name that is no registration is somebody else's: it stays.
    await readRegistration(target.store, tag, set.key, options);
    const draft = { ...own.draft, artifactType: undefined, annotations: { [keyAnnotation]: set.key } };
    const place = { ...target, references: [tag] };
    await publishIndex(renderIndex(draft), own.children, [place], { ...options, expect: undefined });
  }
  return platforms;
}

async function readRegistrations(
  target: IndexTarget,
  tags: readonly string[],
  set: FanIn,
  options: IoOptions,
): Promise<Registration[]> {
  const pool = new Pool(readAtOnce);
  const found = await Promise.all(
    tags.map((tag) => pool.run(() => readRegistration(target.store, tag, set.key, options))),
  );
  return found.filter((registration) => registration !== undefined);
}

async function readRegistration(
  store: Store,
  tag: string,
  key: string,
  { signal }: IoOptions,
): Promise<Registration | undefined> {
  let document: ResolvedDocument;
  try {
    document = await resolveDocument(store, tag, { signal });
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
  const parsed = parseDocument(document.bytes, tag);
  if (parsed.kind !== 'index' || parsed.index.annotations?.[keyAnnotation] !== key) {
    throw failure('CONFLICT', 'read', tag, `the tag is not a registration of the fan-in "${key}"`, {
      hint: 'choose another --fan-in KEY',
    });
  }
  return { tag, document, draft: draftOf(parsed.index, document.descriptor.mediaType) };
}

function merged(registrations: readonly Registration[]): IndexDraft {
  return { mediaType: mediaTypes.ociIndex, entries: registrations.flatMap(({ draft }) => draft.entries) };
}

function sameRegistrations(a: readonly Registration[], b: readonly Registration[]): boolean {
  const digests = (list: readonly Registration[]): string =>
    list.map(({ tag, document }) => `${tag} ${document.descriptor.digest}`).join('\n');
  return digests(a) === digests(b);
}

function sourceOf(target: IndexTarget): (registration: Registration) => ChosenSource {
  return ({ tag, document, draft }) => ({
    name: tag,
    store: target.store,
    root: document.descriptor,
    entries: draft.entries,
    // Its children are held by the registration: nothing needs to be looked up again.
    isIndex: false,
  });
}
