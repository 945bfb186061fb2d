import type { Digest } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Document } from './document.ts';

/** A descriptor in the answer of the referrers API: with the manifest's artifact type and annotations (distribution-spec, "Listing Referrers"). */
export type ReferrerDescriptor = Descriptor;

/** What a manifest's `subject` has to be told about it; undefined when it has no subject. */
export function referrerOf(
  document: Document,
  descriptor: Descriptor,
): { subject: Digest; descriptor: ReferrerDescriptor } | undefined {
  const body = document.kind === 'index' ? document.index : document.manifest;
  if (!body.subject) return undefined;
  // An image manifest without artifactType goes by its config's media type.
  const artifactType =
    body.artifactType ?? (document.kind === 'manifest' ? document.manifest.config.mediaType : undefined);
  return {
    subject: body.subject.digest,
    descriptor: {
      mediaType: document.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(body.annotations === undefined ? {} : { annotations: body.annotations }),
    },
  };
}
