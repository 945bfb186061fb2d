import type { Digest } from '../lib/digest.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Document } from './document.ts';

/** A descriptor in the answer of the referrers API: with the manifest's artifact type and annotations (distribution-spec, "Listing Referrers"). */
export type ReferrerDescriptor = Descriptor;

/** As lists of referrers have a manifest. */
export function referrerDescriptor(document: Document, { digest, size }: Descriptor): ReferrerDescriptor {
  const { artifactType: own, annotations } = document.kind === 'index' ? document.index : document.manifest;
  // An image manifest without artifactType goes by its config's media type.
  const artifactType = own ?? (document.kind === 'manifest' ? document.manifest.config.mediaType : undefined);
  return {
    mediaType: document.mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** What a manifest's `subject` has to be told about it; undefined when it has no subject. */
export function referrerOf(
  document: Document,
  descriptor: Descriptor,
): { subject: Digest; descriptor: ReferrerDescriptor } | undefined {
  const { subject } = document.kind === 'index' ? document.index : document.manifest;
  return subject && { subject: subject.digest, descriptor: referrerDescriptor(document, descriptor) };
}
