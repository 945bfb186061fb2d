import { canDelete, canListTags, canUntag, type IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure, isFailure } from '../../lib/errors.ts';
import { Pool } from '../../lib/pool.ts';
import { formatLocation, parseLocation } from '../../oci/location.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import type { RegistryEvent } from '../../registry/client/events.ts';
import type { RegistryClient } from '../../registry/client/registry-client.ts';
import type { RegistryStore } from '../../registry/client/registry-store.ts';
import type { RegistrySettings } from '../registry-settings.ts';
import { createRegistryClient } from '../stores.ts';

export interface RemoveTagsOptions extends IoOptions {
  readonly registry?: RegistrySettings | undefined;
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined;
}

export interface RemovedTags {
  readonly reference: string;
  /** What the tag pointed at, or the manifest that was deleted. */
  readonly digest: Digest;
  /** The tags that are gone: one, or every tag that a deleted digest had. */
  readonly tags: readonly string[];
  /** True when the manifest itself was deleted, and with it whatever pulls it by digest. */
  readonly deleted: boolean;
}

/** Tags that are looked up at once to tell which a digest takes along. */
const lookupsAtOnce = 16;

/**
 * Removes tags from registries. `REPOSITORY:TAG` removes the tag alone and leaves what it points at (UNSUPPORTED where the registry cannot);
 * `REPOSITORY@DIGEST` deletes the manifest, which takes every tag of it along.
 */
export async function removeTags(
  references: readonly string[],
  options: RemoveTagsOptions = {},
): Promise<RemovedTags[]> {
  const wanted = references.map(registryReference);
  const client = await createRegistryClient(options);
  try {
    const removed: RemovedTags[] = [];
    for (const reference of wanted) removed.push(await remove(client, reference, options));
    return removed;
  } finally {
    client.close();
  }
}

function registryReference(text: string): Reference {
  const location = parseLocation(text);
  const name = formatLocation(location);
  if (location.transport !== 'docker') {
    const hint =
      location.transport === 'local' ? 'polyarch images rm removes from the local store' : undefined;
    throw failure('USAGE', 'remove tag', name, 'tags are those of a registry', { hint });
  }
  const { reference } = location;
  if (reference.tag === undefined && reference.digest === undefined) {
    throw failure('USAGE', 'remove tag', text, 'it names no tag', {
      hint: `${text}:TAG removes a tag, ${text}@DIGEST a manifest and all its tags`,
    });
  }
  if (reference.tag !== undefined && reference.digest !== undefined) {
    throw failure('USAGE', 'remove tag', text, 'a tag and a digest at once: one says the tag, one all tags');
  }
  return reference;
}

async function remove(
  client: RegistryClient,
  reference: Reference,
  options: IoOptions,
): Promise<RemovedTags> {
  const store = client.repository(reference.registry, reference.repository);
  const name = formatReference(reference);
  const root = await store.resolve(reference.digest ?? reference.tag ?? '', options);
  if (reference.tag !== undefined) {
    if (!canUntag(store)) throw failure('UNSUPPORTED', 'remove tag', name, 'it deletes no tags');
    await store.untag(reference.tag, options).catch((error: unknown) => {
      if (!isFailure(error, 'UNSUPPORTED')) throw error;
      throw failure('UNSUPPORTED', 'remove tag', name, 'the registry deletes no tag without its manifest', {
        hint: `polyarch tags rm ${formatRepository(reference)}@${root.digest} deletes the manifest and every tag of it`,
        cause: error,
      });
    });
    return { reference: name, digest: root.digest, tags: [reference.tag], deleted: false };
  }
  if (!canDelete(store)) throw failure('UNSUPPORTED', 'delete', name, 'it deletes nothing');
  const tags = await tagsOf(store, root.digest, options);
  await store.delete(root, options);
  return { reference: name, digest: root.digest, tags, deleted: true };
}

/** Which tags point at a digest: each has to be looked up. */
async function tagsOf(store: RegistryStore, digest: Digest, options: IoOptions): Promise<string[]> {
  if (!canListTags(store)) return [];
  const pool = new Pool(lookupsAtOnce);
  const lookups: Promise<string[]>[] = [];
  for await (const tag of store.listTags(options)) {
    const lookup = pool.run(async () => {
      const found = await store.resolve(tag, options).catch((error: unknown) => {
        if (isFailure(error, 'NOT_FOUND')) return undefined;
        throw error;
      });
      return found?.digest === digest ? [tag] : [];
    });
    // Told below; one that fails while the list is still read would end the process.
    lookup.catch(() => {});
    lookups.push(lookup);
  }
  return (await Promise.all(lookups)).flat();
}
