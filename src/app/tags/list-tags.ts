import { canListTags, type IoOptions } from '../../content/store.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { formatLocation, parseLocation } from '../../oci/location.ts';
import { formatRepository } from '../../oci/reference.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient, openStore } from '../stores.ts';

export interface ListTagsOptions extends IoOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
}

export interface ListedTags {
  /** `ghcr.io/a/b`. */
  readonly name: string;
  /** In the registry's order, which is nearly always the alphabet's. */
  readonly tags: readonly string[];
}

/** Every tag of a repository in a registry. */
export async function listTags(text: string, options: ListTagsOptions = {}): Promise<ListedTags> {
  const location = parseLocation(text);
  if (location.transport !== 'docker') {
    throw failure('UNSUPPORTED', 'list tags of', formatLocation(location), 'tags are listed of a registry');
  }
  const client = await createRegistryClient(options);
  try {
    const { store } = await openStore(location, { client });
    if (!canListTags(store)) throw failure('UNSUPPORTED', 'list tags of', text, 'it keeps no list');
    const tags: string[] = [];
    for await (const tag of store.listTags(options)) tags.push(tag);
    return { name: formatRepository(location.reference), tags };
  } finally {
    client.close();
  }
}

/** Whether a repository has such a tag. */
export async function tagExists(text: string, options: ListTagsOptions = {}): Promise<boolean> {
  const location = parseLocation(text);
  const client = await createRegistryClient(options);
  try {
    const { store, reference } = await openStore(location, { client });
    await store.resolve(reference, options);
    return true;
  } catch (error) {
    if (isFailure(error, 'NOT_FOUND')) return false;
    throw error;
  } finally {
    client.close();
  }
}
