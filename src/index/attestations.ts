import { isAttestation } from '../content/select-manifest.ts';
import type { Digest } from '../lib/digest.ts';
import { referenceDigest } from '../oci/attestation.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** What this entry is about; undefined for an image, and for an attestation that does not say. */
export function subjectOf(entry: Descriptor): string | undefined {
  return isAttestation(entry) ? entry.annotations?.[referenceDigest] : undefined;
}

/** The attestations among `entries` that are about `digest`, in their order. */
export function attestationsOf(entries: readonly Descriptor[], digest: Digest): Descriptor[] {
  return entries.filter((entry) => subjectOf(entry) === digest);
}

/** The same attestation, about another manifest: its image was written anew. */
export function repoint(entry: Descriptor, digest: Digest): Descriptor {
  return { ...entry, annotations: { ...entry.annotations, [referenceDigest]: digest } };
}

/** Images first, in their order, then the attestations in theirs: where BuildKit puts them, and where no reader takes one for an image. */
export function imagesFirst(entries: readonly Descriptor[]): Descriptor[] {
  return [
    ...entries.filter((entry) => !isAttestation(entry)),
    ...entries.filter((entry) => isAttestation(entry)),
  ];
}
