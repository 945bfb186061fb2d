import { isAttestation } from '../../content/select-manifest.ts';
import { referenceDigest } from '../../oci/attestation.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isIndexType, isManifestType, mediaTypes } from '../../oci/media-types.ts';
import { formatPlatform, normalizePlatform, type Platform, platformsEqual } from '../../oci/platform.ts';
import { subjectOf } from '../attestations.ts';
import { beyondDockerList, type IndexDraft } from '../index-draft.ts';
import { describePlatform, isKnownPlatform, platformKey } from '../platform-spelling.ts';
import type { ChildFacts, IndexFacts } from './index-facts.ts';
import type { LintRule, RuleHit } from './lint-rule.ts';

/** Every rule, in the order that they are checked and mended in: what points at an entry comes after what takes entries away. */
export const lintRules: readonly LintRule[] = [
  {
    id: 'empty-index',
    summary: 'an index without an image',
    severity: 'error',
    check: ({ draft }) =>
      draft.entries.some((entry) => !isAttestation(entry))
        ? []
        : [{ what: 'it lists no image: every pull fails' }],
  },
  {
    id: 'missing-child',
    summary: 'an entry whose manifest is not there',
    severity: 'error',
    check: (facts) =>
      hits(facts, (entry) =>
        childOf(facts, entry)?.state === 'missing' ? 'its manifest is not in the repository' : undefined,
      ),
    fix: (facts) => without(facts, (entry) => childOf(facts, entry)?.state === 'missing'),
  },
  {
    id: 'unreadable-child',
    summary: 'an entry whose content is no manifest',
    severity: 'error',
    check: (facts) =>
      hits(facts, (entry) => {
        const child = childOf(facts, entry);
        return child?.state === 'unreadable' ? child.reason : undefined;
      }),
  },
  {
    id: 'repeated-entry',
    summary: 'the same manifest for the same platform twice',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry, at) =>
        firstOf(facts.draft, entry) < at ? `the same as entry ${firstOf(facts.draft, entry) + 1}` : undefined,
      ),
    fix: (facts) => without(facts, (entry, at) => firstOf(facts.draft, entry) < at),
  },
  {
    id: 'duplicate-platform',
    summary: 'two images for one platform',
    severity: 'error',
    check: ({ draft }) => duplicates(draft),
  },
  {
    id: 'wrong-size',
    summary: 'an entry whose size is not its manifest’s',
    severity: 'error',
    check: (facts) =>
      hits(facts, (entry) => {
        const child = readChild(facts, entry);
        return child !== undefined && child.size !== entry.size
          ? `says ${entry.size} bytes, its manifest has ${child.size}: clients that check refuse it`
          : undefined;
      }),
    fix: (facts) =>
      mapped(facts, (entry) => ({ ...entry, size: readChild(facts, entry)?.size ?? entry.size })),
  },
  {
    id: 'wrong-media-type',
    summary: 'an entry whose media type is not its manifest’s',
    severity: 'error',
    check: (facts) =>
      hits(facts, (entry) => {
        const type = ownMediaType(facts, entry);
        return type !== undefined && type !== entry.mediaType
          ? `says ${entry.mediaType}, its manifest ${type}`
          : undefined;
      }),
    fix: (facts) =>
      mapped(facts, (entry) => ({ ...entry, mediaType: ownMediaType(facts, entry) ?? entry.mediaType })),
  },
  {
    id: 'missing-platform',
    summary: 'an image without a platform',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry) => {
        const child = readChild(facts, entry);
        if (entry.platform !== undefined || child?.platform === undefined) return undefined;
        return `it has none; its config says ${formatPlatform(child.platform)}`;
      }),
    fix: (facts) =>
      mapped(facts, (entry) => {
        const platform = entry.platform ?? readChild(facts, entry)?.platform;
        return platform === undefined ? entry : { ...entry, platform };
      }),
  },
  {
    id: 'platform-mismatch',
    summary: 'a platform that is not the config’s',
    severity: 'error',
    check: (facts) =>
      hits(facts, (entry) => {
        const real = readChild(facts, entry)?.platform;
        if (real === undefined || entry.platform === undefined || agrees(entry.platform, real)) return;
        return `says ${describePlatform(entry.platform)}, its config ${describePlatform(real)}`;
      }),
    fix: (facts) =>
      mapped(facts, (entry) => {
        const real = readChild(facts, entry)?.platform;
        const wrong = real !== undefined && entry.platform !== undefined && !agrees(entry.platform, real);
        return wrong ? { ...entry, platform: real } : entry;
      }),
  },
  {
    id: 'unnormalised-platform',
    summary: 'a platform that is not in normal form',
    severity: 'warning',
    check: (facts) =>
      hits(facts, ({ platform }) => {
        if (platform === undefined) return undefined;
        const normal = formatPlatform(normalizePlatform(platform));
        // `arm` without a variant is what old images have: nothing says that v7 is meant.
        const spelled = formatPlatform(platform);
        if (normal === spelled || (platform.architecture === 'arm' && platform.variant === undefined)) return;
        return `${spelled} is ${normal} in normal form: clients that compare texts do not find it`;
      }),
    fix: (facts) =>
      mapped(facts, (entry) => {
        const { platform } = entry;
        if (platform === undefined || (platform.architecture === 'arm' && platform.variant === undefined))
          return entry;
        return { ...entry, platform: normalizePlatform(platform) };
      }),
  },
  {
    id: 'unknown-platform',
    summary: 'a platform that nothing is known to run on',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry) => {
        const { platform } = entry;
        if (platform === undefined || isAttestation(entry) || isKnownPlatform(platform)) return undefined;
        return `nothing is known to run on ${formatPlatform(platform)}`;
      }),
  },
  {
    id: 'nested-index',
    summary: 'an index in an index',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry) =>
        isIndexType(entry.mediaType)
          ? `it is an index (${entry.mediaType}): many clients do not look into it`
          : undefined,
      ),
  },
  {
    id: 'mixed-media-types',
    summary: 'OCI manifests in a Docker list, or Docker’s in an OCI index',
    severity: 'warning',
    check: (facts) => {
      const { draft } = facts;
      const docker = draft.mediaType === mediaTypes.dockerManifestList;
      return hits(facts, ({ mediaType }) => {
        if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
        const own = /docker/.test(mediaType) === docker;
        return own ? undefined : `${mediaType} in ${draft.mediaType}: some clients refuse the mixture`;
      });
    },
    // Only the list's own name is ours to change, and only when all children are of the other family and it has a place for all that is said.
    fix: ({ draft }) => {
      const docker = draft.entries.filter(({ mediaType }) => /docker/.test(mediaType)).length;
      if (docker === 0) return { ...draft, mediaType: mediaTypes.ociIndex };
      const list = { ...draft, mediaType: mediaTypes.dockerManifestList };
      return docker === draft.entries.length && beyondDockerList(list) === undefined ? list : draft;
    },
  },
  {
    id: 'unknown-without-reference',
    summary: 'an unknown/unknown entry that does not say what it is about',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry) =>
        isAttestation(entry) && subjectOf(entry) === undefined
          ? `it has no ${referenceDigest}: nobody can tell which image it is about`
          : undefined,
      ),
    fix: (facts) => without(facts, (entry) => isAttestation(entry) && subjectOf(entry) === undefined),
  },
  {
    id: 'dangling-attestation',
    summary: 'an attestation about an image that the index does not list',
    severity: 'warning',
    check: (facts) =>
      hits(facts, (entry) =>
        isDangling(facts.draft, entry) ? `it is about ${subjectOf(entry)}, which is not listed` : undefined,
      ),
    fix: (facts) => without(facts, (entry) => isDangling(facts.draft, entry)),
  },
  {
    id: 'attestation-first',
    summary: 'an attestation in front of an image',
    severity: 'warning',
    check: (facts) => {
      const last = facts.draft.entries.findLastIndex((entry) => !isAttestation(entry));
      return hits(facts, (entry, at) =>
        isAttestation(entry) && at < last
          ? 'it stands before an image: clients that take the first entry take it'
          : undefined,
      );
    },
    fix: ({ draft }) => ({
      ...draft,
      entries: [
        ...draft.entries.filter((entry) => !isAttestation(entry)),
        ...draft.entries.filter(isAttestation),
      ],
    }),
  },
];

/** A version that the config does not name may be known from elsewhere; one that it names is the image's. */
function agrees(said: Platform, real: Platform): boolean {
  const [version, wanted] = [said['os.version'], real['os.version']];
  return platformsEqual(said, real) && (version === undefined || wanted === undefined || version === wanted);
}

function hits(
  { draft }: IndexFacts,
  trouble: (entry: Descriptor, at: number) => string | undefined,
): RuleHit[] {
  return draft.entries.flatMap((entry, at) => {
    const what = trouble(entry, at);
    return what === undefined ? [] : [{ at, what }];
  });
}

function without({ draft }: IndexFacts, gone: (entry: Descriptor, at: number) => boolean): IndexDraft {
  return { ...draft, entries: draft.entries.filter((entry, at) => !gone(entry, at)) };
}

function mapped({ draft }: IndexFacts, change: (entry: Descriptor) => Descriptor): IndexDraft {
  return { ...draft, entries: draft.entries.map(change) };
}

function childOf(facts: IndexFacts, entry: Descriptor): ChildFacts | undefined {
  return facts.children.get(entry.digest);
}

function readChild(facts: IndexFacts, entry: Descriptor) {
  const child = childOf(facts, entry);
  return child?.state === 'read' ? child : undefined;
}

/** What the child calls itself; a document without a name is what its entry says, if the kind fits. */
function ownMediaType(facts: IndexFacts, entry: Descriptor): string | undefined {
  const document = readChild(facts, entry)?.document;
  if (document === undefined) return undefined;
  const named = document.kind === 'index' ? document.index.mediaType : document.manifest.mediaType;
  const fits = document.kind === 'index' ? isIndexType(entry.mediaType) : isManifestType(entry.mediaType);
  return named ?? (fits ? entry.mediaType : document.mediaType);
}

function keyOf(entry: Descriptor): string {
  return entry.platform === undefined ? '' : platformKey(entry.platform);
}

function firstOf(draft: IndexDraft, entry: Descriptor): number {
  return draft.entries.findIndex((other) => other.digest === entry.digest && keyOf(other) === keyOf(entry));
}

/** Different manifests for one platform: a runtime takes the first, and the other is never run. */
function duplicates({ entries }: IndexDraft): RuleHit[] {
  const first = new Map<string, Descriptor>();
  return entries.flatMap((entry, at) => {
    if (isAttestation(entry) || entry.platform === undefined) return [];
    const before = first.get(keyOf(entry));
    if (before === undefined) {
      first.set(keyOf(entry), entry);
      return [];
    }
    if (before.digest === entry.digest) return [];
    return [{ at, what: `${before.digest} is for it too, and comes first: this one is never run` }];
  });
}

function isDangling(draft: IndexDraft, entry: Descriptor): boolean {
  const subject = subjectOf(entry);
  return subject !== undefined && !draft.entries.some((other) => other.digest === subject);
}
