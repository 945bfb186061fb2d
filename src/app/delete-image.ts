import { canDelete, type IoOptions } from '../content/store.ts';
import { failure } from '../lib/errors.ts';
import { formatLocation, type NamedLocation } from '../oci/location.ts';
import type { RegistrySettings } from './registry-settings.ts';
import { createRegistryClient, openStore } from './stores.ts';

/** Deletes the manifest or index that a name stands for, and with it every other name of it. Blobs are the registry's own to collect. */
export async function deleteImage(
  location: NamedLocation,
  options: IoOptions & { registry?: RegistrySettings | undefined; env?: NodeJS.ProcessEnv | undefined } = {},
): Promise<void> {
  const client = await createRegistryClient(options);
  try {
    const { store, reference } = await openStore(location, { client, env: options.env });
    if (!canDelete(store))
      throw failure('UNSUPPORTED', 'delete', formatLocation(location), 'it cannot be deleted there');
    await store.delete(await store.resolve(reference, options), options);
  } finally {
    client.close();
  }
}
