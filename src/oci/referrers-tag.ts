import type { Digest } from '../lib/digest.ts';

/** `sha256-<hex>`: where a subject's referrers are listed when a registry has no API for it (distribution-spec, "Referrers Tag Schema"). */
export function referrersTag(subject: Digest): string {
  const [algorithm = '', encoded = ''] = subject.split(':');
  return `${algorithm}-${encoded.slice(0, 64)}`;
}

/** What cosign keeps beside an image by name: signature, attestation, SBOM (cosign, specs/SIGNATURE_SPEC.md). */
export const cosignKinds = ['sig', 'att', 'sbom'] as const;
export type CosignKind = (typeof cosignKinds)[number];

/** `sha256-<hex>.sig` */
export function cosignTag(subject: Digest, kind: CosignKind): string {
  return `${subject.replace(':', '-')}.${kind}`;
}

/** Whether a tag is one of the above, beside an image and none itself. */
export function isReferrerTag(tag: string): boolean {
  return /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.(?:sig|att|sbom))?$/.test(tag);
}

/**
 * The `sha256-<hex>` of a name that is kept for what it is about: a fallback index of referrers, or one of cosign's. Undefined for all other
 * names. Compare it with `referrersTag` of a digest.
 */
export function subjectTagOf(name: string): string | undefined {
  return /(?:^|:)(sha(?:256|512)-[0-9a-f]{64})[0-9a-f]*(?:\.(?:sig|att|sbom))?$/.exec(name)?.[1];
}
