import { basename, join } from 'node:path';
import { isDigest } from '../../lib/digest.ts';
import { failure } from '../../lib/errors.ts';
import type { Location } from '../../oci/location.ts';
import { isTag, parseReference, type Reference } from '../../oci/reference.ts';
import type { SyncSource } from './sync-source.ts';

export interface SyncDestination {
  readonly transport: 'docker' | 'oci' | 'dir';
  /** A registry with a path below it, or a directory. */
  readonly place: string;
  /** Put the whole source name behind the place, not its last part alone. */
  readonly scoped: boolean;
  /** Behind every tag. */
  readonly suffix: string;
}

/** Where an image of a source goes (skopeo-sync.1.md): last part of its name, or all of it, below the destination. */
export function destinationOf(
  source: Pick<SyncSource, 'registry' | 'repository'>,
  identifier: string,
  destination: SyncDestination,
): Location {
  const { transport, place, scoped, suffix } = destination;
  const below = scoped ? `${source.registry}/${source.repository}` : basename(source.repository);
  if (transport !== 'docker') {
    return {
      transport,
      path: join(place, `${below}${isDigest(identifier) ? '@' : ':'}${identifier}${suffix}`),
    };
  }
  if (scoped && source.registry.includes(':')) {
    const what = `no repository's name has a place for the port of ${source.registry}`;
    throw failure('USAGE', 'sync to', `${place}/${below}`, what, {
      hint: 'leave --scoped out, and name the rest of the destination yourself',
    });
  }
  const repository = parseReference(`${place.replace(/\/+$/, '')}/${below}`);
  const named = isDigest(identifier) ? { digest: identifier } : { tag: tagWith(identifier, suffix) };
  return { transport: 'docker', reference: { ...repository, ...named } satisfies Reference };
}

function tagWith(tag: string, suffix: string): string {
  if (isTag(`${tag}${suffix}`)) return `${tag}${suffix}`;
  throw failure('USAGE', 'append to tag', tag, `"${tag}${suffix}" is not a tag`);
}
