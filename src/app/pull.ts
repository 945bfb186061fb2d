import { failure } from '../lib/errors.ts';
import { formatLocation, type Location, parseLocation } from '../oci/location.ts';
import { type CopyRequest, type CopyResult, copyLocations } from './copy/copy.ts';

export type PullOptions = Pick<CopyRequest, 'platforms' | 'referrers' | 'signal' | 'onEvent' | 'env'> & {
  readonly registry?: CopyRequest['sourceRegistry'];
};

/**
 * Copies an image from a registry, or from behind another transport that names it, into the local store under its own name: with every platform,
 * unless some are asked for. What is there already is not fetched.
 */
export async function pull(text: string, options: PullOptions = {}): Promise<CopyResult> {
  const from = parseLocation(text);
  const { registry, ...request } = options;
  return await copyLocations(from, [inLocalStore(from)], { ...request, sourceRegistry: registry });
}

function inLocalStore(from: Location): Location {
  const reference =
    from.transport === 'docker-daemon' && typeof from.image !== 'string' ? from.image : undefined;
  const named = 'reference' in from ? from.reference : reference;
  if (named !== undefined && from.transport !== 'local') return { transport: 'local', reference: named };
  const [what, hint] =
    from.transport === 'local'
      ? ['it is there already', undefined]
      : [
          'it has no name that the local store could use',
          `polyarch copy ${formatLocation(from)} local:NAME:TAG`,
        ];
  throw failure('USAGE', 'pull', formatLocation(from), what, { hint });
}
