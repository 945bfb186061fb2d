import type { IoOptions } from '../../content/store.ts';
import type { Digest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import { formatLocation, parseLocation } from '../../oci/location.ts';
import { familiarReference, parseReference, type Reference } from '../../oci/reference.ts';
import { localName, openLocalStore } from '../stores.ts';

export interface RemoveImagesOptions extends IoOptions {
  /** Where the data directory is looked up. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface RemovedName {
  readonly reference: string;
  readonly digest: Digest;
}

/**
 * Takes names out of the local store; `a@sha256:…` stands for every name of repository `a` that the digest has. Contents stay until
 * `pruneImages`. NOT_FOUND, and nothing is removed, when one of them has no such name.
 */
export async function removeImages(
  references: readonly string[],
  options: RemoveImagesOptions = {},
): Promise<RemovedName[]> {
  const wanted = references.map(localReference);
  const store = await openLocalStore(options);
  const names = (await store.entries()).flatMap((entry) => {
    const name = entry.annotations?.['org.opencontainers.image.ref.name'];
    return name === undefined ? [] : [{ name, digest: entry.digest }];
  });
  const found = new Map<string, Digest>();
  for (const reference of wanted) {
    const own = names.filter(({ name, digest }) => isMeant(reference, name, digest));
    if (own.length === 0) {
      throw failure(
        'NOT_FOUND',
        'remove',
        familiarReference(reference),
        'the local store has no such image',
        {
          hint: 'polyarch images ls shows what it has',
        },
      );
    }
    for (const { name, digest } of own) found.set(name, digest);
  }
  const removed: RemovedName[] = [];
  for (const [name, digest] of found) {
    await store.untag(name, options);
    removed.push({ reference: familiarReference(parseReference(name)), digest });
  }
  return removed;
}

function isMeant(reference: Reference, name: string, digest: Digest): boolean {
  if (reference.digest === undefined) return name === localName(reference);
  return digest === reference.digest && name.startsWith(`${reference.registry}/${reference.repository}:`);
}

function localReference(text: string): Reference {
  const location = parseLocation(text, { transport: 'local' });
  if (location.transport === 'local') return location.reference;
  const hint = location.transport === 'docker' ? 'polyarch tags rm removes from a registry' : undefined;
  throw failure('USAGE', 'remove', formatLocation(location), 'images are those of the local store', { hint });
}
