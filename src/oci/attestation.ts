/** Annotations of an index's entry that is an attestation (BuildKit's attestation-storage.md): which image it is about, and that it is one. */
export const referenceDigest = 'vnd.docker.reference.digest';
export const referenceType = 'vnd.docker.reference.type';
