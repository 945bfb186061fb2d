import { isAttestation } from '../content/select-manifest.ts';
import { failure } from '../lib/errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatPlatform, type Platform, parsePlatform, platformsEqual } from '../oci/platform.ts';
import type { IndexDraft } from './index-draft.ts';

/** One annotation of an index: of itself, or of its entries' descriptors, of all or of one platform's. */
export interface IndexAnnotation {
  readonly on: 'index' | 'manifest-descriptor';
  /** Only entries of this platform. */
  readonly platform?: Platform;
  readonly key: string;
  readonly value: string;
}

const target = /^([a-z-]+)(?:\[([^\]]*)\])?$/;

/**
 * Reads buildx's spelling: `k=v` and `index:k=v` for the index, `manifest-descriptor:k=v` and `manifest-descriptor[linux/arm64]:k=v` for its
 * entries, several targets before the colon. USAGE; UNSUPPORTED for targets that would change an image's bytes.
 */
export function parseAnnotation(text: string): IndexAnnotation[] {
  const equals = text.indexOf('=');
  if (equals <= 0) {
    throw failure('USAGE', 'read annotation', text, 'not of the form KEY=VALUE', {
      hint: 'org.opencontainers.image.source=https://… or manifest-descriptor[linux/arm64]:KEY=VALUE',
    });
  }
  const value = text.slice(equals + 1);
  const name = text.slice(0, equals);
  const colon = name.indexOf(':');
  const targets = (colon === -1 ? '' : name.slice(0, colon)).split(',');
  const parsed = targets.map((part) => target.exec(part));
  // A colon that no target stands before belongs to the key.
  if (colon === -1 || parsed.some((part) => part === null || !knownTargets.has(part[1] ?? ''))) {
    return [{ on: 'index', key: name, value }];
  }
  const key = name.slice(colon + 1);
  if (key === '') throw failure('USAGE', 'read annotation', text, 'it has no key');
  return parsed.map((part) => annotationOn(part?.[1] ?? '', part?.[2], { key, value, text }));
}

const knownTargets: ReadonlySet<string> = new Set([
  'index',
  'manifest-descriptor',
  'manifest',
  'index-descriptor',
]);

function annotationOn(
  on: string,
  platform: string | undefined,
  { key, value, text }: { key: string; value: string; text: string },
): IndexAnnotation {
  if (on === 'manifest') {
    throw failure('UNSUPPORTED', 'annotate', text, 'an index never changes the bytes of its manifests', {
      hint: 'polyarch index mutate --annotation does; manifest-descriptor: annotates the entry of a manifest',
    });
  }
  if (on === 'index-descriptor') {
    throw failure('UNSUPPORTED', 'annotate', text, 'a registry keeps no descriptor of an index', {
      hint: 'index: annotates the index itself',
    });
  }
  if (on === 'index') {
    if (platform !== undefined)
      throw failure('USAGE', 'read annotation', text, 'an index has no platform of its own');
    return { on, key, value };
  }
  return {
    on: 'manifest-descriptor',
    key,
    value,
    ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
  };
}

/** The draft with the annotations. USAGE when one names a platform that no entry has. */
export function annotate(draft: IndexDraft, annotations: readonly IndexAnnotation[]): IndexDraft {
  let { annotations: own, entries } = draft;
  for (const { on, platform, key, value } of annotations) {
    if (on === 'index') {
      own = { ...own, [key]: value };
      continue;
    }
    const chosen = (entry: Descriptor): boolean =>
      platform === undefined
        ? !isAttestation(entry)
        : entry.platform !== undefined && platformsEqual(entry.platform, platform);
    if (platform !== undefined && !entries.some(chosen)) {
      throw failure(
        'USAGE',
        'annotate',
        formatPlatform(platform),
        `no entry of the index is for it: "${key}"`,
      );
    }
    entries = entries.map((entry) =>
      chosen(entry) ? { ...entry, annotations: { ...entry.annotations, [key]: value } } : entry,
    );
  }
  return { ...draft, annotations: own, entries };
}
