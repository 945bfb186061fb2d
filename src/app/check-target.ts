import { failure } from '../lib/errors.ts';
import { familiarReference, type Reference } from '../oci/reference.ts';

/** Only Docker writes to Docker Hub's `library`: a short name there is a forgotten registry. Written out, it is meant. USAGE. */
export function checkTarget(reference: Reference, written: string, action: string): void {
  const short = reference.registry === 'docker.io' && !written.includes('/');
  if (!short) return;
  const name = familiarReference(reference);
  throw failure('USAGE', action, name, 'a name without a registry means Docker Hub’s own images', {
    hint: `localhost:5000/${name} is in this machine's registry, USER/${name} on Docker Hub`,
  });
}
