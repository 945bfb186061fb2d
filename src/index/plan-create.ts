import { isAttestation } from '../content/select-manifest.ts';
import type { Store } from '../content/store.ts';
import { failure } from '../lib/errors.ts';
import { referenceDigest } from '../oci/attestation.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isManifestType, mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, type Platform, platformsEqual } from '../oci/platform.ts';
import { annotate, type IndexAnnotation } from './annotation.ts';
import { imagesFirst, subjectOf } from './attestations.ts';
import { checkDockerList, type IndexDraft } from './index-draft.ts';
import { describePlatform, isKnownPlatform, platformKey } from './platform-spelling.ts';
import type { IndexSource } from './read-source.ts';

export type IndexType = 'auto' | 'oci' | 'docker';

/** A source with what the user says of it. */
export interface ChosenSource extends IndexSource {
  /** In place of the config's, for a source of one image: each field that is there. */
  readonly override?: Partial<Platform> | undefined;
}

export interface PlanCreateOptions {
  /** Default auto: an OCI index unless all images are Docker's. */
  readonly type?: IndexType | undefined;
  /** Take the later of two sources of one platform. Default false: an error that names both. */
  readonly replace?: boolean | undefined;
  /** Default true: what sources say of their images goes along. */
  readonly attestations?: boolean | undefined;
  /** Only these platforms of the sources, with their attestations. Default: all. */
  readonly only?: readonly Platform[] | undefined;
  /** Default: images, then attestations. */
  readonly order?: 'images-first' | 'as-given' | undefined;
  readonly annotations?: readonly IndexAnnotation[] | undefined;
  readonly subject?: Descriptor | undefined;
  readonly artifactType?: string | undefined;
  /** What to type instead, where the options are not those of `index create`. */
  readonly hints?: PlanHints | undefined;
}

export interface PlanHints {
  /** After two images of one platform. */
  readonly duplicate: string;
  /** After something that Docker's list has no place for. */
  readonly dockerList: string;
}

const ownHints: PlanHints = {
  duplicate: '--replace takes the later one; SOURCE@platform=OS/ARCH says what a source really is for',
  dockerList: 'make it an OCI index: --type oci',
};

/** An entry, and where its content can be had. */
export interface PlannedChild {
  readonly descriptor: Descriptor;
  readonly source: string;
  readonly store: Store;
  /** Its bytes were read there; false for what an index of the source only lists. */
  readonly read: boolean;
}

/** What would be pushed. Nothing has been changed yet. */
export interface IndexPlan {
  readonly draft: IndexDraft;
  readonly children: readonly PlannedChild[];
  /** A line each: for the user, never for a program. */
  readonly warnings: readonly string[];
}

/**
 * Plans an index out of sources, in their order. Pure: the same sources give the same bytes. USAGE when two sources have one platform, when
 * nothing is left, or when Docker's list has no place for what is asked.
 */
export function planCreate(
  target: string,
  sources: readonly ChosenSource[],
  options: PlanCreateOptions = {},
): IndexPlan {
  const warnings: string[] = [];
  const gathered = sources.flatMap((source) => childrenOf(source));
  const wanted = onlyPlatforms(gathered, options.only);
  const hints = options.hints ?? ownHints;
  const unique = resolveDuplicates(target, wanted, { replace: options.replace ?? false, hints });
  const children = keepAttestations(unique, options.attestations ?? true, warnings);
  if (!children.some(({ descriptor }) => !isAttestation(descriptor))) {
    throw failure('USAGE', 'create', target, 'an index without an image would break every pull', {
      hint: 'name at least one source that has an image',
    });
  }
  const all = children.map((child) => child.descriptor);
  const entries = options.order === 'as-given' ? all : imagesFirst(all);
  const mediaType = chooseType(entries, options.type ?? 'auto');
  const bare: IndexDraft = {
    mediaType,
    entries,
    subject: options.subject,
    artifactType: options.artifactType,
  };
  const draft = annotate(bare, options.annotations ?? []);
  checkDockerList(draft, target, hints.dockerList);
  return { draft, children, warnings: [...warnings, ...planWarnings(draft)] };
}

/** What may be meant and is likely not: manifests of two families in one index, platforms that nothing runs on. */
export function planWarnings({ entries, mediaType }: IndexDraft): string[] {
  const warnings: string[] = [];
  warnAboutTypes(entries, mediaType, warnings);
  warnAboutPlatforms(entries, warnings);
  return warnings;
}

function childrenOf(source: ChosenSource): PlannedChild[] {
  const { name, store, entries, override, isIndex } = source;
  const images = entries.filter((entry) => !isAttestation(entry));
  const [only] = images;
  if (override !== undefined && images.length !== 1) {
    const there = images.map((entry) => describePlatform(entry.platform)).join(', ');
    throw failure('USAGE', 'set the platform of', name, `it has ${images.length} images: ${there}`, {
      hint: 'name one of them by its digest: NAME@sha256:…@platform=OS/ARCH',
    });
  }
  return entries.map((entry) => {
    const platform = entry === only && override !== undefined ? overridden(entry, override, name) : undefined;
    return {
      descriptor: platform === undefined ? entry : { ...entry, platform },
      source: name,
      store,
      read: !isIndex,
    };
  });
}

/** A platform that names an os and architecture stands for itself: the config's variant does not come through. */
function overridden(entry: Descriptor, override: Partial<Platform>, name: string): Platform {
  const base = override.architecture === undefined ? entry.platform : undefined;
  const merged = { ...base, ...override };
  if (merged.os === undefined || merged.architecture === undefined) {
    throw failure(
      'USAGE',
      'set the platform of',
      name,
      'it has none, and os and architecture are not both given',
      {
        hint: `${name}@platform=linux/arm64`,
      },
    );
  }
  return merged as Platform;
}

function onlyPlatforms(
  children: readonly PlannedChild[],
  only: readonly Platform[] | undefined,
): readonly PlannedChild[] {
  if (only === undefined || only.length === 0) return children;
  return children.filter(({ descriptor }) => {
    if (isAttestation(descriptor)) return true;
    const { platform } = descriptor;
    return platform !== undefined && only.some((wanted) => platformsEqual(platform, wanted));
  });
}

/** One child for each platform; the same manifest for the same platform twice is one. */
function resolveDuplicates(
  target: string,
  children: readonly PlannedChild[],
  { replace, hints }: { readonly replace: boolean; readonly hints: PlanHints },
): PlannedChild[] {
  const chosen = new Map<string, PlannedChild>();
  for (const child of children) {
    const { descriptor } = child;
    const { platform } = descriptor;
    const image = platform !== undefined && !isAttestation(descriptor);
    const key = image ? platformKey(platform) : descriptor.digest;
    const before = chosen.get(key);
    if (before === undefined || before.descriptor.digest === descriptor.digest) {
      if (before === undefined) chosen.set(key, child);
      continue;
    }
    if (!replace) {
      throw failure(
        'USAGE',
        'create',
        target,
        `two images are for ${describePlatform(platform)}: ${before.source} (${before.descriptor.digest}) and ${child.source} (${descriptor.digest})`,
        { hint: hints.duplicate },
      );
    }
    chosen.set(key, child);
  }
  return [...chosen.values()];
}

/** Attestations of images that are not taken would point nowhere: they are left out with them. */
function keepAttestations(
  children: readonly PlannedChild[],
  keep: boolean,
  warnings: string[],
): PlannedChild[] {
  const images = new Set<string>(
    children
      .filter(({ descriptor }) => !isAttestation(descriptor))
      .map(({ descriptor }) => descriptor.digest),
  );
  return children.filter(({ descriptor, source }) => {
    if (!isAttestation(descriptor)) return true;
    if (!keep) return false;
    const subject = subjectOf(descriptor);
    if (subject !== undefined) return images.has(subject);
    warnings.push(
      `${source}: ${descriptor.digest} is for unknown/unknown and does not say what it is about (${referenceDigest}): left out`,
    );
    return false;
  });
}

/** OCI unless all are Docker's: that family has a place for everything. */
function chooseType(entries: readonly Descriptor[], type: IndexType): string {
  const allDocker = entries.every((entry) => entry.mediaType === mediaTypes.dockerManifest);
  const chosen = type === 'auto' ? (allDocker ? 'docker' : 'oci') : type;
  return chosen === 'docker' ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
}

function warnAboutTypes(entries: readonly Descriptor[], mediaType: string, warnings: string[]): void {
  const odd = entries.find((entry) => !isManifestType(entry.mediaType));
  if (odd !== undefined)
    warnings.push(`${odd.digest} is ${odd.mediaType}, which is neither OCI's nor Docker's manifest`);
  const inList = mediaType === mediaTypes.dockerManifestList;
  const own = inList ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const strangers = entries.filter((entry) => isManifestType(entry.mediaType) && entry.mediaType !== own);
  if (strangers.length === 0) return;
  const names = strangers.map((entry) => describePlatform(entry.platform)).join(', ');
  const [kind, other] = inList ? ['a Docker manifest list', 'OCI'] : ['an OCI index', 'Docker'];
  warnings.push(`${kind} that has ${other} manifests (${names}): some clients refuse the mixture`);
}

function warnAboutPlatforms(entries: readonly Descriptor[], warnings: string[]): void {
  for (const { platform, digest } of entries) {
    if (platform === undefined) warnings.push(`${digest} has no platform: no runtime will choose it`);
    else if (formatPlatform(platform) !== 'unknown/unknown' && !isKnownPlatform(platform)) {
      warnings.push(`${formatPlatform(platform)} is not a platform that anything is known to run on`);
    }
  }
}
