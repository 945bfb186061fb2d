import { failure } from '../../lib/errors.ts';
import { formatLocation, parseLocation } from '../../oci/location.ts';
import { identifierOf } from '../../oci/reference.ts';
import type { RateLimit } from '../../registry/client/rate-limit.ts';
import { createRegistryClient } from '../stores.ts';
import type { InspectOptions } from './open-root.ts';

export interface InspectedRateLimit extends RateLimit {
  readonly reference: string;
}

/** How much a registry still lets this user do, as it tells when the image is looked up. One HEAD, and no retry when it says 429. */
export async function inspectRateLimit(
  text: string,
  options: Omit<InspectOptions, 'platform'> = {},
): Promise<InspectedRateLimit> {
  const location = parseLocation(text);
  if (location.transport !== 'docker') {
    throw failure('USAGE', 'ask for the rate limit of', formatLocation(location), 'only registries have one');
  }
  const { reference } = location;
  const client = await createRegistryClient({ ...options, registry: { ...options.registry, retries: 0 } });
  try {
    const repository = client.repository(reference.registry, reference.repository);
    const limit = await repository.rateLimit(identifierOf(reference), options);
    return { reference: formatLocation(location), ...limit };
  } finally {
    client.close();
  }
}
