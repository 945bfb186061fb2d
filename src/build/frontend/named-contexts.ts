import { isFailure } from '../../lib/errors.ts';
import { familiarReference, parseReference } from '../../oci/reference.ts';

/** A name as contexts are looked up by it: `docker.io/library/alpine:latest` is `alpine` (buildx, BuildKit frontend/dockerui). */
export function contextName(text: string): string {
  try {
    return familiarReference(parseReference(text)).replace(/:latest$/, '');
  } catch (error) {
    if (isFailure(error)) return text;
    throw error;
  }
}
