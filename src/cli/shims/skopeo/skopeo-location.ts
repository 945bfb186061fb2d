import { failure } from '../../../lib/errors.ts';
import { type Location, parseLocation } from '../../../oci/location.ts';

/** As skopeo has it: a transport is always named. USAGE without one. */
export function skopeoLocation(text: string): Location {
  const location = parseLocation(text);
  if (location.transport !== 'docker' || text.startsWith('docker://')) return location;
  throw failure('USAGE', 'read image name', text, 'no transport in front of it', {
    hint: `docker://${text}`,
  });
}
